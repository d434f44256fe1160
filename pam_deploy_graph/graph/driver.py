"""驱动图：开始、恢复、逐个回答中断，直到结束或要等人。

运行的 ``thread_id`` 就是 ``run_id``；检查点在 ``Settings.checkpoint_store`` 说的地方。
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from langgraph.types import Command

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.constants import CONFIRM, Decision, ExitCode
from pam_deploy_graph.errors import PamError, RunConflictError, RunHeldError, RunPausedError
from pam_deploy_graph.graph.build import build_graph
from pam_deploy_graph.graph.settling import Asker, Settling
from pam_deploy_graph.graph.state import misshapen, refuse_misshapen
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_control
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.later_rollback import propose_recall, recall_plan
from pam_deploy_graph.runs.local_runs import LocalRuns
from pam_deploy_graph.runs.registration import RunRequest, has_begun, register
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.site_rules import why_outdated
from pam_deploy_graph.runs.stopping import stopped_text
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.open_files import check_in_flight

_RESTART_AT: Final = {True: ("approve-plan", "approved"), False: ("params", "params")}
"""停下的运行从哪里继续：有了批准的计划就重做全局步骤，否则重新检查。"""


class Driver(Settling):
    """推进本机账本里的一次运行。"""

    def __init__(self, services: Services, graph: Any, ask: Asker) -> None:
        """用 ``open_driver`` 创建。"""
        super().__init__(ask)
        self.services = services
        self.graph = graph
        self.runs = LocalRuns(services)

    def register(self, request: RunRequest, *, yes: bool) -> str:
        """登记，见 ``registration.register``。

        Raises:
            InvalidInputError: 输入不合规则；什么也没有写。
            RunConflictError: 已经有了。

        """
        at_once = validate_control(request.control_params).get("max_parallel", 1)
        check_in_flight(at_once if isinstance(at_once, int) else 1)
        state, created = register(self.services.ledger, request)
        if not created:
            raise RunConflictError(tr("运行 {run_id} 已经有了；用 resume {run_id} 继续它", run_id=state.run_id))
        if yes:
            self.services.preapproved[state.run_id] = current_operator()
        return state.run_id

    def start(self, run_id: str) -> ExitCode:
        """从账本里登记的输入开始。"""
        if self.services.ledger.get_run(run_id).input.get("rollback_of"):
            return self._recall(run_id)
        return super().start(run_id)

    def resume(self, run_id: str) -> ExitCode:
        """继续一次运行；已结束的只把退出码再给一遍。

        Raises:
            RunNotFoundError: 没有这次运行。
            RunHeldError: 另一个存活的进程正握着它。
            LedgerError: 检查点损坏，或不是本程序写的。
            RecordsDisagreeError: 检查点与账本对不上，什么也没有做。

        """
        if self.services.ledger.exists(run_id):
            self.services.wait_out(run_id)
        snapshot = self._snapshot(run_id)
        if known := snapshot.values.get("ledger"):
            self.services.ledger.check_position(known)
        if known or not snapshot.values:  # 登记过的；还在问参数的没有登记，只有检查点知道它
            record = self.services.ledger.get_run(run_id)
            if record.exit_code is not None:
                return ExitCode(record.exit_code)
            self._may_go_on(run_id)
        if not snapshot.values:
            return self.start(run_id)
        if not snapshot.tasks and known and self.services.ledger.get_run(run_id).input.get("rollback_of"):
            return self._recall(run_id)
        outdated = bool(known) and why_outdated(self.services.site(), self.services.state_of(run_id))
        if outdated or not snapshot.tasks or _asks_again(snapshot):  # next 不算已有写入待合并的任务，不能拿它判断停没停
            node, phase = self._outdated(run_id) if outdated else _RESTART_AT[self._plan_approved(run_id)]
            update = {"phase": phase, "problem": "", "confirm": {}}
            self.graph.update_state(_config(run_id), update, as_node=node)
            return self._advance(run_id, None)
        pending = [interrupt for task in snapshot.tasks for interrupt in task.interrupts]
        if not pending:
            return self._advance(run_id, None)
        replies = self._replies(pending[0])
        return ExitCode.WAITING if replies is None else self._settle(run_id, self.answer(run_id, replies))

    def _outdated(self, run_id: str) -> tuple[str, str]:
        """计划照的策略与账户文件换了，从哪里接着：没有动过手的重提，动过手的只问变了的。"""
        return "params", "rolling" if has_begun(self.services.state_of(run_id)) else "replan"

    def _snapshot(self, run_id: str) -> Any:
        """读检查点里的状态。

        Raises:
            LedgerError: 它损坏了，或不是本程序写的。

        """
        try:
            found = self.graph.get_state(_config(run_id))
        except (PamError, sqlite3.Error):
            raise
        except Exception as error:  # 文件里什么都可能有，LangGraph 在哪里绊倒都不一定
            raise misshapen(tr("内容")) from error
        refuse_misshapen(found.values)
        return found

    def _may_go_on(self, run_id: str) -> None:
        """没有别的进程握着；停着的，由人继续。"""
        if holder := self.services.ledger.holder(run_id):
            raise RunHeldError(
                tr("运行 {run_id} 正由{holder}执行；等它停下，或先结束它再继续", run_id=run_id, holder=holder)
            )
        self.services.go_on(run_id, self.services.local_actor())

    def remembered(self, run_id: str) -> Mapping[str, Any]:
        """返回检查点里的状态；没有检查点为空。"""
        found: Mapping[str, Any] = self._snapshot(run_id).values
        return found

    def ask_scope(self, run_id: str, params: Mapping[str, str], control: Mapping[str, Any], why: str) -> ExitCode:
        """开始一次还不知道范围的运行：先问要做哪几台。"""
        asking = {"missing": ["target_ips"], "problem": why, "notes": [], "phase": "params", "heard": 0}
        update = {"run_id": run_id, "params": dict(params), "control": dict(control), **asking}
        self.graph.update_state(_config(run_id), update, as_node="params")
        return self._advance(run_id, None)

    def _recall(self, run_id: str) -> ExitCode:
        """接着做退回的运行：登记之后还没有提出就被杀的先提出；绝不当作部署。"""
        run = propose_recall(self.services, run_id, self.services.local_actor())
        node, phase = ("approve-plan", "approved") if self._plan_approved(run_id) else ("params", "planned")
        update = {"run_id": run_id, "phase": phase, "problem": "", "plan": recall_plan(run), "waiting": []}
        self.graph.update_state(_config(run_id), update, as_node=node)
        return self._advance(run_id, None)

    def _taken(self, run_id: str) -> bool:
        """名字在账本或检查点里是否已经用过。"""
        return self.services.ledger.exists(run_id) or bool(self._snapshot(run_id).values)

    def say(self, run_id: str, value: Any) -> dict[str, Any]:
        """把输入交给图，返回图停下时的状态（含 ``__interrupt__``）。

        Raises:
            RunPausedError: 有人要它停；消息照账本说进行中的怎样了，停的人已经记下。

        """
        try:
            result: dict[str, Any] = self.graph.invoke(value, _config(run_id), durability="sync")
        except RunPausedError:
            if not self.services.stop.is_set() or not self.services.ledger.exists(run_id):
                raise
            raise RunPausedError(
                tr("{stopped}；用 resume {run_id} 继续", stopped=self._stopped(run_id), run_id=run_id)
            ) from None
        return result

    def answer(self, run_id: str, replies: Mapping[str, Any]) -> dict[str, Any]:
        """回答问题，见 ``say``。"""
        return self.say(run_id, Command(resume=dict(replies)))

    def _stopped(self, run_id: str) -> str:
        """记下是谁让它停的（没等进行中的就停的，还没有记），返回停在哪里。"""
        with contextlib.suppress(PamError):
            self.services.pause(run_id, self.services.local_actor())
        return stopped_text(self.services.state_of(run_id))

    def _plan_approved(self, run_id: str) -> bool:
        """计划是否已获批准。"""
        digest = self.services.ledger.load_state(run_id, keep_events=False).plan_digest
        found = self.services.ledger.decision(run_id, PLAN, digest) if digest else None
        return found is not None and found.decision == Decision.APPROVE


@contextlib.contextmanager
def open_driver(services: Services, ask: Asker) -> Iterator[Driver]:
    """打开检查点与图。"""
    with open_saver(services.settings.checkpoint_store(services.home)) as saver:
        yield Driver(services, build_graph(checkpointer=saver, services=services), ask)


def _config(run_id: str) -> dict[str, Any]:
    """LangGraph 的配置。"""
    return {"configurable": {"thread_id": run_id}, "recursion_limit": 10_000}


def _asks_again(snapshot: Any) -> bool:
    """停在「再说一遍」上：命令 resume 就是明说的继续，不必再问。"""
    return any(one.value.get("ask") == CONFIRM for task in snapshot.tasks for one in task.interrupts)
