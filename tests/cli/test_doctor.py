"""``doctor`` 带上部署参数：逐个试接只问不改的动作，真的一件也不改。"""

import sqlite3
from pathlib import Path

import pytest

from pam_deploy_graph.cli import doctor_checks
from pam_deploy_graph.constants import ACTIONS
from tests.cli.program import Done
from tests.cli.site import BEFORE, Site

ASKING = [name for name, spec in ACTIONS.items() if not spec.changes]


def _try_on(site: Site, strategy: str, **env: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """试接一台工作站，返回退出码与每个动作的结论。"""
    given = site.params(VERSION_NUMBER=BEFORE, PACKAGE_PATH="")
    pairs = [part for name, value in given.items() for part in ("--param", f"{name}={value}")]
    options = ["--strategy", strategy, "--ip", site.take(1)[0], "--json"]
    done = site.pam("doctor", *pairs, *options, env=env)
    checks = {check["name"].split("（")[0]: (check["ok"], check["detail"]) for check in done.json()}
    return done.code, {name: checks[name] for name in ASKING}


@pytest.mark.parametrize("strategy", ["script_only", "hybrid_node_mcp"])
def test_a_good_backend_fits(site: Site, strategy: str) -> None:
    """合契约的后端：每个只问不改的动作都行，试验场里什么也没有发生。"""
    code, checks = _try_on(site, strategy)
    assert (code, {name for name, (ok, _) in checks.items() if not ok}) == (0, set())
    assert (f"VERSION={BEFORE}" in checks["query-ip"][1], site.effects()) == (True, [])


def test_a_silent_entry_does_not_fit(site: Site, tmp_path: Path) -> None:
    """什么也不答的入口：逐个说缺哪些键，以 2 结束。"""
    entry = tmp_path / "entry.sh"
    entry.write_text("#!/bin/bash\nexit 0\n", encoding="utf-8")
    code, checks = _try_on(site, "script_only", PAM_SCRIPT_ENTRY=str(entry))
    assert code == 2
    for name, (ok, detail) in checks.items():
        assert (ok, detail) == (False, f"{name} 的应答缺少 {', '.join(ACTIONS[name].gives)}")


@pytest.mark.parametrize(
    ("env", "cause"),
    [
        ({"PAM_HOME_URL": "http://127.0.0.1:1"}, "PAM_HOME"),
        ({"PAM_TOKEN": "wrong"}, "PAM_HOME"),
        ({"PAM_TOKEN": ""}, "令牌"),
    ],
    ids=["away", "refused", "no-token"],
)
def test_one_cause_is_told_once(site: Site, env: dict[str, str], cause: str) -> None:
    """PAM_HOME 问不到、令牌不对、没有令牌：只有一个毛病，因它没有问成的都收在它下面；可有可无的不算毛病。"""
    pairs = [part for name, value in site.params().items() for part in ("--param", f"{name}={value}")]
    done = site.pam("doctor", *pairs, "--ip", site.take(1)[0], env=env)
    lines = done.out.splitlines()
    (bad,) = [n for n, line in enumerate(lines) if line.startswith("[不行]")]
    assert lines[bad].startswith(f"[不行] {cause}: ")
    assert lines[bad + 1].startswith("       因此没有问成: ")
    assert all(name in lines[bad + 1] for name in ASKING)
    assert (done.code, lines[-1], "[可选] 语言模型: 用离线规则" in lines) == (2, f"先解决: {cause}", True)


@pytest.mark.parametrize(("name", "ok"), [("linux", True), ("win32", False), ("darwin", False)])
def test_says_where_it_runs(name: str, ok: bool) -> None:  # noqa: FBT001  参数化的期望值
    """只在 Linux 上试过：别处说明白，连同 Windows 的入口随包没有。"""
    check = doctor_checks._platform(name)
    assert (check.ok, "随包没有" in check.line()) == (ok, not ok)


def test_a_store_that_cannot_be_written(site: Site) -> None:
    """账本打得开而写不进：``doctor`` 真的写一次，因此说得出来；写得进的说谁看得见它。"""
    done = site.pam("doctor", "--json")
    told = "写得进，已有 0 次运行；只有用这个目录的人看得见，几个人管同一座机场请设同一个 PAM_STORE_URL"
    assert _store(done) == (True, told)
    with sqlite3.connect(site.pam.home / "runtime" / "pam.db") as connection:
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON ledger_meta BEGIN INSERT INTO gone VALUES (1); END")
    connection.close()
    ok, detail = _store(site.pam("doctor", "--json"))
    assert (ok, "写不进去" in detail, "磁盘空间" in detail) == (False, True, True), detail


def _store(done: Done) -> tuple[bool, str]:
    """账本那一项。"""
    (found,) = (check for check in done.json() if check["name"] == "账本")
    return found["ok"], found["detail"]


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254", "http://[fe80::1]", "http://2852039166/", "http://100.100.100.200"]
)
def test_the_token_never_goes_to_the_machine_itself(site: Site, url: str) -> None:
    """``PAM_HOME_URL`` 是链路本地的、元数据服务的（换一种写法也一样）：体检不去问。"""
    done = site.pam("doctor", env={"PAM_HOME_URL": url})
    assert (done.code, "令牌不能交给它" in done.out, "令牌没有离开本机" in done.out) == (2, True, True)
