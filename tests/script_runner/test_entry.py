"""脚本入口的选择、随包资源的查找、argv 与环境变量。"""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pam_deploy_graph.constants import ACTIONS, Side
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.script_runner import build_argv, child_env, select_script_entry
from pam_deploy_graph.system import resources
from pam_deploy_graph.system.resources import nearby_path, packaged_path
from tests.script_runner.conftest import ENTRY

STATE = SimpleNamespace(config_path="c.txt", trace_file_path="", params={}, script_entry="", script_base_dir="")
TRACED = SimpleNamespace(**{**vars(STATE), "trace_file_path": "t.log"})
HEAD = ["e.sh", "stop-ip", "--config", "c.txt"]


@pytest.mark.parametrize(
    ("state", "options", "tail"),
    [
        (STATE, {}, []),
        (TRACED, {}, ["--trace-file", "t.log"]),
        (STATE, {"ip": "10.0.0.1"}, ["--ip", "10.0.0.1"]),
        (STATE, {"ip": "fe80::1", "idempotency_key": "r:-:x:1"}, ["--ip", "fe80::1", "--idempotency-key", "r:-:x:1"]),
        (STATE, {"hash_code": "ab"}, ["--hash-code", "ab"]),
        (STATE, {"stop_first": True}, ["--stop-first"]),
        (STATE, {"stop_first": False, "ip": None, "hash_code": ""}, []),
        (STATE, {"ip": "; rm -rf /"}, ["--ip", "; rm -rf /"]),
        (
            TRACED,
            {"idempotency_key": "k", "stop_first": True, "hash_code": "h", "ip": "i"},
            ["--ip", "i", "--hash-code", "h", "--stop-first", "--idempotency-key", "k", "--trace-file", "t.log"],
        ),
    ],
)  # fmt: skip
def test_argv_is_exactly_the_contract_order(state: Any, options: dict[str, Any], tail: list[str]) -> None:
    """argv 的次序由契约规定，没有给出的选项不出现，值从不经过 shell。"""
    assert build_argv(state, "stop-ip", entry="e.sh", **options) == HEAD + tail


@pytest.mark.parametrize(
    ("platform", "files", "chosen"),
    [
        ("linux", ["pam_action.sh", "pam_action.ps1"], "pam_action.sh"),
        ("darwin", ["pam_action.sh"], "pam_action.sh"),
        ("win32", ["pam_action.sh", "pam_action.cmd", "pam_action.ps1"], "pam_action.ps1"),
        ("win32", ["pam_action.cmd"], "pam_action.cmd"),
    ],
)
def test_the_entry_fits_the_platform(platform: str, files: list[str], chosen: str, tmp_path: Path) -> None:
    """按平台选入口。"""
    for name in files:
        (tmp_path / name).touch()
    assert select_script_entry(tmp_path, platform=platform) == str(tmp_path / chosen)


@pytest.mark.parametrize(
    ("platform", "named"), [("linux", "pam_action.sh"), ("win32", "pam_action.ps1 或 pam_action.cmd")]
)
def test_a_folder_without_an_entry_is_named(platform: str, named: str, tmp_path: Path) -> None:
    """自选的目录里没有入口时不去别处找，消息说要放哪个文件。"""
    with pytest.raises(InvalidInputError, match=named) as caught:
        select_script_entry(tmp_path, platform=platform)
    assert str(tmp_path) in str(caught.value)


def test_the_override_wins_and_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PAM_SCRIPT_ENTRY 优先，环境里设的也算；指的文件不存在就报错，不悄悄换一个。"""
    own, other = tmp_path / "own.sh", tmp_path / "other.sh"
    for file in (own, other):
        file.touch()
    monkeypatch.setenv("PAM_SCRIPT_ENTRY", str(other))
    assert select_script_entry("doc_scripts", override=str(own)) == str(own)
    assert select_script_entry() == str(other)
    with pytest.raises(InvalidInputError, match="PAM_SCRIPT_ENTRY"):
        select_script_entry("doc_scripts", override=str(tmp_path / "gone.sh"))


def test_the_default_folder_falls_back_to_the_packaged_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """当前目录没有 doc_scripts 时用随包的一份。"""
    monkeypatch.chdir(tmp_path)
    assert select_script_entry() == str(ENTRY)


def test_packaged_files_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """依次看检出目录、wheel 里的一份，当前目录的不看；都没有时报出看过哪里。"""
    package = tmp_path / "site" / "pam_deploy_graph"
    planted = tmp_path / "cwd" / "doc_scripts"
    folders = [package.parent / "doc_scripts", package / "_resources" / "doc_scripts"]
    planted.mkdir(parents=True)
    (planted / "x.md").touch()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    monkeypatch.chdir(tmp_path / "cwd")
    with pytest.raises(InvalidInputError, match=r"x\.md"):
        packaged_path("x.md")
    assert nearby_path("x.md") == Path("doc_scripts/x.md")
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / "x.md").touch()
        assert packaged_path("x.md").resolve() == folder / "x.md"
        assert packaged_path("doc_scripts/x.md").resolve() == folder / "x.md"


SOURCE = {
    "PATH": "/bin",
    "HOME": "/h",
    "OPENAI_API_KEY": "k",
    "LD_LIBRARY_PATH": "bundle",
    "LD_LIBRARY_PATH_ORIG": "own",
}
PLAIN = {"PATH": "/bin", "HOME": "/h", "SHELL": "/bin/sh", "LC_CTYPE": "C.UTF-8"}


@pytest.mark.parametrize(
    ("source", "token", "frozen", "expected"),
    [
        ({"PATH": "/bin", "HOME": "/h", "LC_ALL": "zh_CN.GBK"}, "", False, PLAIN),
        ({"PATH": "/bin", "HOME": "/h", "PAM_TOKEN": "other"}, "t", False, PLAIN | {"PAM_TOKEN": "t"}),
        (
            PLAIN | {"SSL_CERT_FILE": "site.pem", "CURL_CA_BUNDLE": "curl.pem"},
            "",
            False,
            PLAIN | {"SSL_CERT_FILE": "site.pem"},
        ),
        (SOURCE, "", True, PLAIN | {"LD_LIBRARY_PATH": "own"}),
        (SOURCE, "", False, PLAIN | {"LD_LIBRARY_PATH": "bundle"}),
        ({"PATH": "/bin", "HOME": "/h", "LD_LIBRARY_PATH": "bundle"}, "", True, PLAIN),
    ],
)
def test_the_script_gets_a_minimal_environment(
    source: dict[str, str],
    token: str,
    frozen: bool,  # noqa: FBT001 —— 参数表里的一列
    expected: dict[str, str],
) -> None:
    """脚本只继承少数几个变量，打包时还原动态库路径。"""
    assert child_env(source, token, frozen=frozen) == expected


def test_the_reference_entry_knows_exactly_the_action_table() -> None:
    """参考脚本里单列的分支就是动作表里地址不照惯例的；照惯例的都以 ``-ip`` 结尾，同走一个分支。"""
    table = ENTRY.read_text(encoding="utf-8").partition("case ${action} in\n")[2].partition("\nesac")[0]
    branches = re.findall(r"^    ([a-z |-]+)\)", table, re.MULTILINE)
    known = [name for branch in branches for name in branch.split(" | ")]
    usual = [name for name, spec in ACTIONS.items() if spec.side is Side.NODE and not spec.own_route]
    assert sorted(known + usual) == sorted(ACTIONS)
    assert all(name.endswith("-ip") for name in usual)
