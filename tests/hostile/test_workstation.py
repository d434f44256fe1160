"""载体二：工作站的应答与日志里混进了别的话；照样停下来问人，什么也没有替人批准，步骤不变。"""

import json
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.flows.diagnosis import diagnose
from pam_deploy_graph.graph.answers import read_decisions
from pam_deploy_graph.graph.questions import ask_rollback
from tests.graph.desk import Desk
from tests.hostile.phrases import FOREIGN, numbered

PLAIN = "checkin/gate 验证不通过"
IPS = [f"10.0.1.{at}" for at in range(1, len(FOREIGN) + 1)]
OF = dict(zip(FOREIGN, IPS, strict=True))
LONGEST_QUOTE = 200


def paused(home: Path, reasons: dict[str, str]) -> tuple[Desk, dict[str, Any]]:
    """走到每台都验证不通过、等人决定的地方；返回桌子和问题。"""
    saver = home / "runtime" / "checkpoints.sqlite"
    with open_saver(saver) as opened:
        desk = Desk(home, opened, ips=IPS)
        for ip, reason in reasons.items():
            desk.fake.fail("verify-ip", ip, values={"SUCCESS": "false", "MESSAGE": reason})
        desk.begin(max_parallel=8, ask_after=len(IPS), max_failures=len(IPS))
        run_id = desk.values()["run_id"]
        for ip, reason in reasons.items():
            log = home / "logs" / run_id / f"{ip}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"[INFO] 开始\n[ERROR] {reason}\n", encoding="utf-8")
        question = desk.answer("approve")
        desk.services.close()
        return desk, question


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """每台说一句注入的话，日志里也是。"""
    return paused(tmp_path_factory.mktemp("hostile"), {ip: text for text, ip in OF.items()})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """同样的部署，每台都只说平常的话，各不相同。"""
    return paused(tmp_path_factory.mktemp("plain"), {ip: PLAIN + chr(ord("一") + at) for at, ip in enumerate(IPS)})


def test_nothing_but_the_words_differs(hostile: Any, plain: Any) -> None:
    """与平常的失败比：调用的次序、问题的名字、允许的决定都一样；没有一台回滚，没有一个决定。"""
    (desk, question), (ordinary, usual) = hostile, plain
    assert sorted(desk.actions()) == sorted(ordinary.actions())
    assert {action for action, _ in desk.actions()}.isdisjoint({"rollback-ip"})
    assert question["review_configs"] == usual["review_configs"]
    assert question["allowed_decisions"] == usual["allowed_decisions"]
    assert [waiting["ip"] for waiting in question["waiting"]] == IPS


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_each_workstation_still_waits(text: str, hostile: tuple[Desk, dict[str, Any]]) -> None:
    """说了什么都只是失败的原因：这一台停在 verify-ip 等人，引文截短、可见，步骤不变。"""
    desk, question = hostile
    ip = OF[text]
    (waiting,) = (one for one in question["waiting"] if one["ip"] == ip)
    assert (waiting["type"], waiting["failed_stage"], waiting["rollback_stop_first"]) == (
        "rollback-ip",
        "verify-ip",
        True,
    )
    assert [action for action, where in desk.actions() if where == ip] == ["stop-ip", "deploy-ip", "start-ip"]
    for quoted in waiting["diagnosis"]["evidence"]:
        assert quoted["quote"].isprintable()
        assert len(quoted["quote"]) <= LONGEST_QUOTE


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_logs_are_only_quoted(text: str, tmp_path: Path) -> None:
    """日志与失败原因里的话进不了决定：原因出自固定的几种，引文可见、不长，问题允许的决定不变。"""
    log = tmp_path / "logs" / "r1" / "10.0.0.1.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"[ERROR] probe failed {text}\n", encoding="utf-8")
    found = diagnose({"failure_reason": PLAIN, "log_file": str(log)}, tmp_path, Path("logs/r1"))
    assert found["evidence"]
    assert all(item["quote"].isprintable() and len(item["quote"]) <= LONGEST_QUOTE for item in found["evidence"])
    assert len(found["summary"]) < len("发布目录的内容与安装包不一致") + 1
    waiting: dict[str, Any] = {
        "type": "rollback-ip",
        "ip": "10.0.0.1",
        "failed_stage": "verify-ip",
        "failure_reason": text,
    }
    waiting |= {"rollback_stop_first": True, "diagnosis": found, "no_approve": ""}
    waiting |= {
        "version_before": "1.2.2",
        "version_now": text,
        "running": None,
        "wanted": "1.2.3",
        "to_version": "1.2.2",
    }
    waiting |= {"effects": {"approve": text, "reject": "保持现状", "retry": "重试"}}
    waiting["allowed_decisions"] = list(waiting["effects"])
    question = ask_rollback("r1", [waiting], "")
    assert question["allowed_decisions"] == ["approve", "reject", "retry"]
    assert [request["name"] for request in question["action_requests"]] == ["rollback-ip"]
    assert json.loads(json.dumps(question)) == question
    assert read_decisions("reject", ["10.0.0.1"])["10.0.0.1"].decision == "reject"
