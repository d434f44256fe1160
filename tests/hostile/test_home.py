"""别人备好的家：链接不跟随，属于别人的目录不用，改坏的检查点以一句话结束，报告里的话成不了标签与链接。"""

import json
import os
import sqlite3
from pathlib import Path

import ormsgpack
import pytest

from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.home.run_files import refuse_planted_files
from pam_deploy_graph.models import AgentState, IpState
from pam_deploy_graph.report.summary import render_report
from pam_deploy_graph.system.safe_text import markdown_safe
from tests.cli.site import Site

OTHER = 54_321


@pytest.mark.parametrize("place", ["runtime", "logs", "runtime/pam.db", "runtime/checkpoints.sqlite", "logs/RUN"])
def test_links_are_not_followed(site: Site, tmp_path: Path, place: str) -> None:
    """家里备好的链接：说出是哪里，链到的地方一个字节也没有写。"""
    site.take(1)
    outside = tmp_path / "outside"
    link = site.pam.home / place.replace("RUN", site.run_id)
    link.parent.mkdir(parents=True)
    if link.suffix:
        outside.touch()
    else:
        outside.mkdir()
    link.symlink_to(outside)
    done = site.run("--yes")
    assert (done.code in (2, 12), str(link) in done.err, "Traceback" in done.err) == (True, True, False), done.err
    assert site.effects() == []
    assert (outside.read_bytes() if link.suffix else list(outside.iterdir())) == (b"" if link.suffix else [])


def test_a_link_among_the_logs(site: Site, tmp_path: Path) -> None:
    """日志目录里早有一个以工作站命名的链接：不写过去。"""
    ip, outside = site.take(1)[0], tmp_path / "profile"
    outside.write_text("mine")
    folder = site.pam.home / "logs" / site.run_id
    folder.mkdir(parents=True)
    (folder / f"{ip}.log").symlink_to(outside)
    done = site.run("--yes")
    assert (done.code, f"{ip}.log" in done.err, outside.read_text()) == (2, True, "mine")


@pytest.mark.skipif(os.geteuid() != 0, reason="要 root 才能把目录给别人")
@pytest.mark.parametrize("place", ["runtime", "logs"])
def test_folders_of_others_are_refused(site: Site, place: str) -> None:
    """``runtime/``、``logs/`` 属于别的账号：不用。"""
    site.take(1)
    folder = site.pam.home / place
    folder.mkdir(parents=True)
    os.chown(folder, OTHER, OTHER)
    done = site.run("--yes")
    assert (done.code in (2, 12), "别的账号" in done.err, site.effects()) == (True, True, [])


def test_the_folder_of_a_caller_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """家本身经由链接到达的，不拦。"""
    real = tmp_path / "real"
    (real / "logs" / "r1").mkdir(parents=True)
    (tmp_path / "home").symlink_to(real)
    state = AgentState("r1", {}, "fake", trace_file_path=str(tmp_path / "home" / "logs" / "t.log"))
    refuse_planted_files(state)


def _rewrite(path: Path, kind: str, blob: bytes) -> None:
    """把检查点里的每一条换成这个。"""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, blob))
        connection.execute("DELETE FROM writes")
    connection.close()


@pytest.mark.parametrize(
    ("kind", "blob"),
    [
        ("msgpack", b"\xff\xfe garbage"),
        ("json", b'{"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["touch pwned"]}'),
        ("pickle", b"cos\nsystem\n(S'touch pwned'\ntR."),
        ("msgpack", ormsgpack.packb({"v": 1})),
    ],
    ids=["garbage", "constructor", "pickle", "half"],
)
def test_a_planted_checkpoint_ends_in_a_sentence(site: Site, kind: str, blob: bytes) -> None:
    """改坏的、要造对象的检查点：一句话，不是回溯，什么也没有执行。"""
    site.take(1)
    assert site.run().code == 10
    _rewrite(site.pam.home / "runtime" / "checkpoints.sqlite", kind, blob)
    done = site.resume()
    assert (done.code, "Traceback" in done.err, "检查点" in done.err) == (12, False, True), done.err
    assert not list(site.pam.folder.rglob("pwned"))


def test_pages_that_are_damaged(site: Site) -> None:
    """数据库中间坏了几页：一句话。"""
    site.take(1)
    assert site.run().code == 10
    path = site.pam.home / "runtime" / "checkpoints.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    done = site.resume()
    assert (done.code, "Traceback" in done.err) == (12, False), done.err


@pytest.mark.parametrize(
    "changes",
    [{"params": []}, {"events": "x"}, {"ip_states": {"10.0.0.1": 5}}, {"run_id": 7}, {"completed_global_steps": {}}],
)
def test_a_planted_file_is_no_state(tmp_path: Path, changes: dict[str, object]) -> None:
    """好的 JSON，却不是一个状态；套了一万层的也一样。"""
    path = tmp_path / "c.json"
    state = AgentState("r1", {}, "fake").to_dict() | changes
    path.write_text(json.dumps({"format": 1, "redacted": False, "state": state}))
    with pytest.raises(InvalidInputError, match=r"c\.json"):
        load_checkpoint(path)
    path.write_text("[" * 100_000)
    with pytest.raises(InvalidInputError, match=r"c\.json"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)>"),
        ("![x](http://evil/p.png)", r"![x\](http\://evil/p.png)"),
        ("[看这里](javascript:alert(1))", r"[看这里\](javascript:alert(1))"),
        ("[x]: http://evil", r"[x\]: http\://evil"),
        ("\\<b>", r"\\\<b>"),
        ("www.evil.example", r"www\.evil.example"),
        ("[ERROR] a < b，C:\\pam\\x.log\n第二行", r"[ERROR] a < b，C:\pam\x.log 第二行"),
    ],
)
def test_foreign_text_in_markdown(said: str, written: str) -> None:
    """报告里只是文字；不会生效的字符不动。"""
    assert markdown_safe(said) == written
    state = AgentState("r1", {}, "fake", trace_file_path="logs/t.log")
    state.ip_states["10.0.0.1"] = IpState({"status": "FAILED", "failed_stage": "verify-ip", "failure_reason": said})
    assert written.replace("|", r"\|") in render_report(state)


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1", "utf-8"])
def test_json_under_any_code_page(site: Site, encoding: str) -> None:
    """标准输出是什么编码，``--json`` 都是同一份 JSON；给人看的也不因此停下。"""
    site.take(1)
    env = {"PYTHONIOENCODING": encoding}
    assert site.run("--json", env=env).code == 10
    shown = site.pam("status", site.run_id, "--json", env=env)
    assert shown.json() == site.status()
    assert site.pam("report", site.run_id, env=env).code == 0


def test_doctor_names_langsmith(site: Site) -> None:
    """环境里有会把对话送出去的变量：体检说出来。"""
    done = site.pam("doctor", env={"LANGSMITH_TRACING": "true", "LANGCHAIN_API_KEY": "k"})
    assert (done.code, "LANGCHAIN_API_KEY、LANGSMITH_TRACING" in done.out) == (0, True)
