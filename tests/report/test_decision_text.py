"""等人决定的工作站怎样说：情形相同的并成一组说一次，说清不点名的回答管哪几台；依据只引这次之后写下的行。"""

from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.flows.diagnosis import diagnose
from pam_deploy_graph.report.decision_text import coverage, describe, group_alike

LABELS = {"approve": "同意", "reject": "拒绝", "retry": "重试"}
STARTED = 1_900_000_000_000
"""2030-03-17T17:46:40Z。"""


def asked(ip: str, **more: Any) -> dict[str, Any]:
    """一台的问题。"""
    known: dict[str, Any] = {
        "ip": ip,
        "failed_stage": "verify-ip",
        "failure_reason": f"verify-ip（{ip}）：{ip} 探测不通过",
        "wanted": "1.2.4",
    }
    known |= {"status": "FAILED", "rollback_status": "PENDING_AGENT_CONFIRMATION", "to_version": "1.2.2"}
    known |= {"version_before": "1.2.2", "version_now": "1.2.4", "running": True, "read_at": STARTED, "no_approve": ""}
    effects = {"approve": "退回 1.2.2 并启动", "reject": "保持现状，1.2.4，gate 在运行"}
    return known | {"effects": effects, "allowed_decisions": list(effects), "cautions": []} | more


def test_alike_is_said_once() -> None:
    """同样的毛病、同样的处境只说一次；此刻的样子不同的另成一组。"""
    waiting = [asked("10.0.0.9"), asked("10.0.0.4"), asked("10.0.0.5", running=False)]
    groups = group_alike(waiting)
    assert [group.ips for group in groups] == [["10.0.0.9", "10.0.0.4"], ["10.0.0.5"]]
    text = describe(groups[0], LABELS)
    assert text.splitlines()[0] == "10.0.0.9、10.0.0.4（2 台） 在 verify-ip 失败：‹IP› 探测不通过。怎么办？"
    assert text.count("探测不通过") == 1
    assert "10.0.0.5 探测不通过" in describe(groups[1], LABELS)
    assert groups[0].data()["effects"]["approve"] == "退回 1.2.2 并启动"


def test_whom_an_answer_covers() -> None:
    """几台一起等着，说清不点名的回答管哪几台；只有一台不必说。"""
    assert coverage([asked("10.0.0.4")]) == ""
    two = [asked("10.0.0.4"), asked("10.0.0.5")]
    assert "不点名的回答管这 2 台：10.0.0.4、10.0.0.5" in coverage(two)
    assert "「10.0.0.4 回滚，其余保持现状」" in coverage(two)
    may_retry = [one | {"allowed_decisions": ["approve", "reject", "retry"]} for one in two]
    assert "「10.0.0.4 回滚，其余重试」" in coverage(may_retry)


def test_what_was_not_read_is_said() -> None:
    """没有读到的版本与在不在运行写成未知，也没有读回的时刻。"""
    (group,) = group_alike([asked("10.0.0.4", version_now=None, running=None, read_at=None)])
    assert "此刻 未知（在不在运行未知），要装 1.2.4" in describe(group, LABELS)


@pytest.mark.parametrize(
    ("lines", "quoted"),
    [
        (["2030-03-17T17:46:39Z [ERROR] 昨晚的失败", "2030-03-17T17:46:41Z [ERROR] 今晚的失败"], ["今晚的失败"]),
        (
            ["2030-03-17 17:46:41,123 +0000 ERROR probe refused", "  at gate.py failed"],
            ["refused", "at gate.py failed"],
        ),
        (["[ERROR] 何时写的看不出的失败"], []),
        (["2030-03-17T17:46:39+00:00 [ERROR] 失败", "  接着上一行的失败"], []),
        (["2030-03-18T01:46:40+08:00 [ERROR] 换了时区的失败"], ["换了时区的失败"]),
    ],
)
def test_evidence_is_of_this_run(tmp_path: Path, lines: list[str], quoted: list[str]) -> None:
    """日志里从前写下的行不当作这一次的依据；没有写时刻的跟着上一行，一直没有写的看不出，不引。"""
    log = tmp_path / "logs" / "r1" / "10.0.0.1.log"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(lines), encoding="utf-8")
    workstation = {"failure_reason": "验证不通过", "log_file": str(log), "began": STARTED}
    evidence = diagnose(workstation, tmp_path, Path("logs/r1"))["evidence"]
    assert len(evidence) == len(quoted)
    assert all(text in item["quote"] for text, item in zip(quoted, evidence, strict=True))
