"""会死的驱动进程：照命令行的样子推进一次运行，走到指定的那一点就对自己 kill -9。

点有名字：路由调用 ``before:<动作>`` 与 ``after:<动作>``（即 INTENT 与效果之间、效果与 DONE 之间），账本提交
``commit``，检查点写入 ``put`` 与 ``put_writes``，记下决定 ``decide``，后四种各有 ``before:`` 与 ``after:``。
``says`` 是对停着的运行说的一句话。由 ``tests.crash.deaths`` 以 ``python mortal.py ORDER`` 的方式启动，
``ORDER`` 是一个 JSON 对象。
"""

import functools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.constants import CONFIRM
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.graph.driver import Driver
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.writer import LedgerWriter
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.script_runner import ScriptActionRunner
from pam_deploy_graph.settings import Settings


class Fate:
    """数着经过的点，到了那一点就死。"""

    def __init__(self, name: str, number: int) -> None:
        """在第 ``number`` 次经过名为 ``name`` 的点时死；``name`` 为空串是不论名字，第几个点。"""
        self._name, self._number = name, number
        self._passed: Counter[str] = Counter()

    def pass_by(self, name: str) -> None:
        """经过一个点。"""
        self._passed[name] += 1
        passed = self._passed[name] if self._name else self._passed.total()
        if name == (self._name or name) and passed == self._number:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, method: str, name: str) -> None:
        """在一个方法的前后各设一个点。"""
        original: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(original)
        def mortal(*args: Any, **kwargs: Any) -> Any:
            """照做，前后各经过一个点。"""
            self.pass_by(f"before:{name}")
            result = original(*args, **kwargs)
            self.pass_by(f"after:{name}")
            return result

        setattr(owner, method, mortal)


class MortalRouter:
    """包着真路由；每个动作的前后各是一个点。"""

    def __init__(self, router: ActionRouter, fate: Fate) -> None:
        """记下真路由。"""
        self._router, self._fate = router, fate

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """流程只用异步的那一个。"""
        raise NotImplementedError

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """照做，前后各经过一个点。"""
        self._fate.pass_by(f"before:{action}")
        result = await self._router.arun_action(state, action, **kwargs)
        self._fate.pass_by(f"after:{action}")
        return result


def approve(question: Mapping[str, Any]) -> dict[str, str] | str:
    """凡问皆同意；要再说一遍的也确认。"""
    if question["ask"] == CONFIRM:
        return "确认"
    return {"decision": "approve", "note": question["ask"], "operator": "tester"}


def main() -> int:
    """推进到结束或死去，返回退出码。"""
    order = json.loads(sys.argv[1])
    fate = Fate(order["point"], order["number"])
    home, settings = Path(order["home"]), Settings()
    router = ActionRouter(script_runner=ScriptActionRunner(token=settings.token()))
    services = Services(home=home, settings=settings, given_router=MortalRouter(router, fate))
    fate.around(LedgerWriter, "_commit", "commit")
    fate.around(Ledger, "decide_all", "decide")
    with open_saver(home / "runtime" / "checkpoints.sqlite") as saver:
        fate.around(saver, "put", "put")
        fate.around(saver, "put_writes", "put_writes")
        driver = Driver(services, build_graph(checkpointer=saver, services=services), approve)
        if said := order.get("says"):
            return driver.hear(order["run_id"], said)
        return driver.resume(order["run_id"]) if order["resume"] else _start(driver, order)


def _start(driver: Driver, order: dict[str, Any]) -> int:
    """登记并开始。"""
    control = {"target_ips": order["ips"]} | order["control"]
    services = driver.services
    request = RunRequest(
        params=order["params"],
        execution_strategy="script_only",
        run_id=order["run_id"],
        home=services.home,
        environment=services.settings.params(),
        control_params=control,
    )
    register(services.ledger, request)
    return driver.start(order["run_id"])


if __name__ == "__main__":
    sys.exit(main())
