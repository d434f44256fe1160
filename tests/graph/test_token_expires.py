"""令牌不行了：不再开新的工作站，一个问题；换好之后重试就接着做（contract 第 3 节）。"""

from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.models import ActionResult
from tests.graph.desk import Desk

MANY = [f"10.0.1.{n}" for n in range(1, 21)]


def test_an_expired_token_is_one_question(tmp_path: Path) -> None:
    """二十台里第一台就 401：只问一次，没有再开；此后各台照常做完。"""
    desk = Desk(tmp_path, InMemorySaver(), ips=MANY)
    inner, expired = desk.fake.run_action, [True]

    def run_action(state: object, action: str, **kwargs: object) -> ActionResult:
        """令牌过期时，会改变工作站的都答 401。"""
        if expired[0] and action == "stop-ip":
            return ActionResult.failure(action, "fake", "HTTP 401：令牌过期", exit_code=ScriptExit.UNAUTHORISED)
        found: ActionResult = inner(state, action, **kwargs)  # type: ignore[arg-type]  # 原样转交
        return found

    desk.fake.run_action = run_action  # type: ignore[method-assign]  # 插在中间
    desk.begin(target_ips=MANY, max_parallel=2, ask_after=20)
    asked = desk.answer("approve")
    assert asked["ask"] == "rollback-ip"
    touched = {ip for action, ip, _ in desk.fake.calls if action == "query-ip"}
    assert len(touched) <= 2
    expired[0] = False
    ended = desk.answer("retry")
    assert (ended["exit_code"], ended["counters"]["succeeded"]) == (0, len(MANY)), ended
    desk.services.close()
