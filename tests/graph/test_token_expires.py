"""令牌不行了：不再开新的工作站，一个问题；换好之后重试就接着做（contract 第 3 节）。"""

from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import RollbackStatus, ScriptExit
from pam_deploy_graph.models import ActionResult
from tests.graph.desk import Desk

MANY = [f"10.0.1.{n}" for n in range(1, 21)]
REASONS = dict(zip(MANY, ("磁盘满", "端口被占", "证书过期", "缺少组件", "内存不足", "许可到期"), strict=False))


def expire(desk: Desk, *actions: str) -> list[bool]:
    """令牌在这几个动作上不行了，直到返回的那个改成 ``False``。"""
    inner, expired = desk.fake.run_action, [True]

    def run_action(state: object, action: str, **kwargs: object) -> ActionResult:
        """令牌过期时答 401。"""
        if expired[0] and action in actions:
            return ActionResult.failure(action, "fake", "HTTP 401：令牌过期", exit_code=ScriptExit.UNAUTHORISED)
        found: ActionResult = inner(state, action, **kwargs)  # type: ignore[arg-type]  # 原样转交
        return found

    desk.fake.run_action = run_action  # type: ignore[method-assign]  # 插在中间
    return expired


def test_an_expired_token_is_one_question(tmp_path: Path) -> None:
    """二十台里第一台就 401：只问一次，没有再开；此后各台照常做完。"""
    desk = Desk(tmp_path, InMemorySaver(), ips=MANY)
    expired = expire(desk, "stop-ip")
    desk.begin(target_ips=MANY, max_parallel=2, ask_after=20)
    asked = desk.answer("approve")
    assert asked["ask"] == "rollback-ip"
    touched = {ip for action, ip, _ in desk.fake.calls if action == "query-ip"}
    assert len(touched) <= 2
    expired[0] = False
    ended = desk.answer("retry")
    assert (ended["exit_code"], ended["counters"]["succeeded"]) == (0, len(MANY)), ended
    desk.services.close()


@pytest.mark.parametrize("cancelled", [False, True], ids=["", "cancelled"])
@pytest.mark.parametrize("at", [("query-ip", "rollback-ip"), ("rollback-ip",)], ids=["asking", "acting"])
def test_approvals_wait_for_the_token(desk: Desk, at: tuple[str, ...], *, cancelled: bool) -> None:
    """一批同意了的回滚做到令牌过期：只为碰上的那几台再问，其余的同意留着；换好、答了，各退回一次，取消了的也一样。"""
    desk.fake.online_ips = list(REASONS)
    for ip, error in REASONS.items():
        desk.fake.fail("verify-ip", ip, error=error)
    desk.begin(target_ips=list(REASONS), max_parallel=2, ask_after=len(REASONS))
    assert len(desk.answer("approve")["waiting"]) == len(REASONS)
    run_id = desk.values()["run_id"]
    expired = expire(desk, *at)
    if cancelled:
        desk.services.ledger.cancel(run_id, "alice", channel="graph", account="alice")
    for _ in range(2):  # 没有换好就答，又只问碰上的那几台
        asked = desk.answer("approve")
        assert (asked["ask"], len(asked["waiting"]) <= 2) == ("rollback-ip", True), asked
        assert "令牌过期" in desk.open_question()["text"]
    assert {ip for action, ip, _ in desk.fake.calls if action == "rollback-ip"} == set()
    expired[0] = False
    ended = desk.answer("approve")
    run = desk.services.state_of(run_id)
    assert ended["exit_code"] == (12 if cancelled else 11), ended
    assert {one["rollback_status"] for one in run.ip_states.values()} == {RollbackStatus.DONE}
    assert [action for action, _ in desk.actions()].count("rollback-ip") == len(REASONS)
