"""每个命令的退出码（contract 第 8 节「退出码」）。"""

import json
from typing import Any

import pytest

from tests.cli.site import Site

SENTENCE = "把首都机场的 checkin 应用 gate 模块升级到 1.2.3"
_PLAN = "（此刻等着批准的计划的摘要）"


@pytest.mark.parametrize(
    ("faults", "options", "code"),
    [
        (0, ["--yes"], 0),
        (0, [], 10),
        (1, ["--yes"], 10),
        (1, ["--yes", "--max-failures", 1], 10),
        (0, ["--yes", "--targets", "10.9.9.9"], 12),
        (0, ["--yes", "--max-parallel", "0"], 2),
    ],
    ids=["done", "plan-waits", "rollback-waits", "budget-waits", "empty-scope", "bad-option"],
)
def test_run(site: Site, faults: int, options: list[Any], code: int) -> None:
    """``run``：全部做完 0，等人 10，没有可做的 12，用法不对 2。"""
    site.take(2)
    for ip in site.ips[:faults]:
        site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run(*options).code == code


def test_a_life(site: Site) -> None:
    """一次运行从计划到结束，每一步各个命令的退出码。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail")
    run_id = site.run_id
    steps = [
        (site.argv(), 10),
        (["resume", run_id], 10),
        (["status", run_id], 0),
        (["confirm", run_id], 2),
        (["confirm", run_id, "--approve", "--reject"], 2),
        (["confirm", run_id, "--retry"], 2),
        (["confirm", run_id, "--approve", "--ip", "10.0.0.250"], 2),
        (["confirm", run_id, "--approve"], 2),
        (["confirm", run_id, "--approve", "--digest", "abc"], 2),
        (["confirm", run_id, "--approve", "--digest", "0123456789ab"], 10),
        (["confirm", run_id, "--approve", "--digest", _PLAN], 0),
        (["resume", run_id], 10),
        (["confirm", run_id, "--reject"], 0),
        (["confirm", run_id, "--reject"], 0),
        (["confirm", run_id, "--approve"], 10),
        (["resume", run_id], 11),
        (["resume", run_id], 11),
        (["confirm", run_id, "--approve"], 2),
        (["cancel", run_id], 2),
        (site.argv(), 2),
        (["status", run_id], 0),
        (["status"], 0),
        (["runs"], 0),
        *((["report", run_id, "--format", kind], 0) for kind in ("md", "json", "html")),
        (["report", run_id, "--format", "pdf"], 2),
    ]
    found = [(argv, site.pam(*(site.code()[1] if part == _PLAN else part for part in argv)).code) for argv, _ in steps]
    assert found == steps


def test_cancel(site: Site) -> None:
    """取消一次等着批准的运行：0；此后 resume 给出 12，再取消是 2，什么也没做。"""
    site.take(1)
    assert site.run().code == 10
    assert [site.pam(name, site.run_id).code for name in ("cancel", "resume", "cancel")] == [0, 12, 2]
    assert site.effects() == []


@pytest.mark.parametrize("command", [["resume"], ["confirm", "--approve"], ["cancel"], ["status"], ["report"]])
def test_unknown_run(site: Site, command: list[str]) -> None:
    """没有这次运行：2，说出是哪一个；标准输出什么也没有。"""
    done = site.pam(*command, "../nosuch")
    assert (done.code, done.out, "../nosuch" in done.err, "Traceback" in done.err) == (2, "", True, False)


def test_nothing_yet(site: Site) -> None:
    """还没有任何运行：runs 是 0，status 是 2。"""
    assert [site.pam(name).code for name in ("runs", "status")] == [0, 2]


def test_preview_and_analyze(site: Site) -> None:
    """``preview`` 与 ``analyze`` 只说不做：0；缺必填参数是 2；什么文件也没有留下。"""
    pairs = [part for name, value in site.params().items() for part in ("--param", f"{name}={value}")]
    shown = site.pam("preview", *pairs)
    assert (shown.code, shown.out.startswith("## PAM 部署预演"), shown.err) == (0, True, "")
    missing = site.pam("preview", *pairs[2:])
    assert (missing.code, missing.out, "AIRPORT_CODE" in missing.err) == (2, "", True)
    found = site.pam("analyze", "--json", SENTENCE)
    assert (found.code, set(found.json())) == (0, {"intent", "params", "plan", "strategy", "spans"})
    assert site.pam("analyze", SENTENCE).code == 0
    assert [path for path in site.pam.folder.iterdir() if path != site.package] == []


@pytest.mark.parametrize(("env", "code"), [({}, 0), ({"PAM_TOKEN": "wrong"}, 2), ({"PAM_TOKEN": ""}, 2)])
def test_doctor(site: Site, env: dict[str, str], code: int) -> None:
    """``doctor``：都行是 0；必需的不行是 2，并说怎么办。"""
    done = site.pam("doctor", "--json", env=env)
    checks = {check["name"]: check for check in json.loads(done.out)}
    assert done.code == code
    assert checks["PAM_HOME"]["ok"] is (code == 0)
    causes = [check for check in checks.values() if check["required"] and not check["ok"] and not check.get("because")]
    assert (not causes) is (code == 0)
    assert all(check["advice"] for check in causes)
