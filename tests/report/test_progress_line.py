"""一行进度：数的是账本的折叠，说得出谁在途、多久、还要多久；没有在推出就不说。"""

import time
from typing import Any

import pytest

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE
from pam_deploy_graph.ledger.fold import apply
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.durations import Behind, work_ms
from pam_deploy_graph.report.progress_line import Progress

IPS = [f"10.0.0.{number}" for number in range(1, 5)]


class Run:
    """一次四台的推出；``tick`` 往前拨钟，``tell`` 先折进状态，再告诉听众，与账本的会话一样。"""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
        """已经批准，全局步骤都做完了。"""
        self.now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.state = AgentState("r1", {"MODULE_NAME": "gate"}, "fake", target_ips=list(IPS), plan_approved="x")
        self.state.names = dict.fromkeys(IPS, "A12 柜台")
        self.state.completed_global_steps = list(GLOBAL_ACTION_SEQUENCE)
        self.progress = progress

    def tell(self, listen: Any, kind: str, ip: str, **more: Any) -> None:
        """一个事件。"""
        event = {"type": kind, "ip": ip or None, "at": int(self.now * 1000), **more}
        apply(self.state, event)
        listen(event)

    def whole(self, listen: Any, ip: str, seconds: float) -> None:
        """一台从头做到完，用去 ``seconds`` 秒。"""
        self.tell(listen, "IP_START", ip)
        for step in IP_ACTION_SEQUENCE:
            self.tell(listen, "ACTION_DONE", ip, stage=step, values={})
        self.now += seconds
        self.tell(listen, "IP_DONE", ip)


@pytest.fixture
def progress() -> Progress:
    """还没有跟着任何运行的进度。"""
    return Progress()


def test_a_hanging_step(monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    """挂着的一步：说出是哪一台的哪一步、多久了、时限；两台做完之后估得出还要多久。"""
    run = Run(monkeypatch, progress)
    with progress.following(run.state) as listen:
        run.whole(listen, IPS[0], 10)
        assert "约剩" not in progress.line()
        run.whole(listen, IPS[1], 10)
        run.tell(listen, "IP_START", IPS[2])
        run.tell(listen, "INTENT", IPS[2], stage="stop-ip", attempt=1)
        run.tell(listen, "ACTION_DONE", IPS[2], stage="stop-ip", values={})
        run.tell(listen, "INTENT", IPS[2], stage="deploy-ip", attempt=1)
        run.now += 47
        told = "进行中 10.0.0.3 A12 柜台 deploy-ip 已 47 秒（时限 120）"
        assert progress.line() == f"2/4 · {told} · 失败 0 · 停用 0 · 已用 1:07 · 约剩 1:07"
        assert progress.in_flight() == {IPS[2]: "deploy-ip"}
    assert (progress.line(), progress.in_flight(), progress.done_text()) == ("", {}, "2/4")


def test_pauses_are_no_pace_and_are_still_to_come(monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    """灰度放行之前不估；之后的快慢从放行算起，一批与一批之间停着的不算，还没有过的停顿算上。"""
    run = Run(monkeypatch, progress)
    run.state.target_ips = [f"10.0.0.{number}" for number in range(1, 9)]
    run.state.control_params = {"canary": 2, "hold": 600, "max_parallel": 1, "waves": [4, 6, 8], "pause_between": 300}
    ips = run.state.target_ips
    with progress.following(run.state) as listen:
        for ip in ips[:2]:
            run.whole(listen, ip, 99)
        assert "约剩" not in progress.line()
        run.tell(listen, "CANARY_RELEASED", "")
        for ip in ips[2:4]:
            run.whole(listen, ip, 10)
        assert progress.line().endswith("约剩 10:40")
        run.tell(listen, "WAVE_PAUSE", "", done=4, seconds=300)
        run.now += 300
        run.tell(listen, "WAVE_DONE", "", done=4)
        assert progress.line().endswith("约剩 5:40")


@pytest.mark.parametrize(
    ("control", "behind", "seconds"),
    [
        ({}, Behind(), 80),
        ({"max_parallel": 3}, Behind(), 30),
        ({"max_parallel": 3}, Behind(settled=3), 20),
        ({"max_parallel": 4, "canary": 1, "hold": 60}, Behind(), 10 + 60 + 20),
        ({"max_parallel": 4, "canary": 1, "hold": 60}, Behind(1, canary_released=True), 20),
        ({"max_parallel": 4, "waves": [2, 8], "pause_between": 100}, Behind(), 10 + 100 + 20),
        ({"max_parallel": 4, "waves": [2, 8], "pause_between": 100}, Behind(2, 2), 20),
        ({"max_parallel": 4, "pause_between": 100}, Behind(), 10 + 100 + 10),
        ({"max_parallel": 4, "pause_between": 100, "canary": 2}, Behind(), 10 + 10 + 100 + 10),
    ],
)
def test_what_is_left_keeps_to_the_pace(control: dict[str, Any], behind: Behind, seconds: int) -> None:
    """八台、每台十秒：轮数照同时几台、灰度与分批算，停顿只算还没有过的。"""
    assert work_ms(10_000, 8, control, behind) == seconds * 1000


def test_a_failure_and_its_log(monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    """失败的算失败，还在取日志的仍在途；取过了就不在途。"""
    run = Run(monkeypatch, progress)
    failed = {"failed_stage": "verify-ip", "failure_reason": "不通过", "rollback_stop_first": True}
    with progress.following(run.state) as listen:
        run.tell(listen, "IP_START", IPS[0])
        run.tell(listen, "CONFIRMATION_REQUIRED", IPS[0], **failed)
        run.now += 3
        assert "失败 1" in progress.line()
        assert "10.0.0.1 A12 柜台 download-log 已 3 秒" in progress.line()
        run.tell(listen, "ACTION_FAIL", IPS[0], stage="download-log", message="没有", best_effort=True)
        assert progress.in_flight() == {}
        assert "等 PAM 答话" in progress.line()


def test_another_run_counts_from_itself(monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    """同一个进程接着做另一次运行：台数、已用都从那一次数起，绝没有 8/6 这样的数。"""
    run = Run(monkeypatch, progress)
    with progress.following(run.state) as listen:
        for ip in IPS:
            run.whole(listen, ip, 5)
        assert progress.line().startswith("4/4 · ")
    other = AgentState("r2", {"MODULE_NAME": "gate"}, "fake", target_ips=IPS[:2], plan_approved="x")
    with progress.following(other):
        run.now += 2
        line = progress.line()
    assert line == "0/2 · 全局步骤 check-home 已 2 秒（时限 120） · 失败 0 · 停用 0 · 已用 0:02"


def test_nothing_before_the_approval(monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    """还没有批准就没有进度可说。"""
    run = Run(monkeypatch, progress)
    run.state.plan_approved = ""
    with progress.following(run.state):
        assert progress.line() == ""
