"""驱动图：开始、恢复、逐个回答中断，直到结束或要等人。

运行的 ``thread_id`` 就是 ``run_id``；检查点在 ``Settings.checkpoint_store`` 说的地方。
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from langgraph.types import Command

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.constants import Ask, Decision, ExitCode
from pam_deploy_graph.errors import NoProgressError, PamError, RunHeldError, RunPausedError
from pam_deploy_graph.graph.build import build_graph
from pam_deploy_graph.graph.state import misshapen, refuse_misshapen
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.ledger import PLAN, Approval
from pam_deploy_graph.runs.later_rollback import propose_recall, recall_plan
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.site_rules import why_outdated
from pam_deploy_graph.runs.stopping import stopped_text

Asker = Callable[[Mapping[str, Any]], Any]
"""问人：收到中断的内容，返回回答；``None`` 表示此刻没有人能答。"""

_RESTART_AT: Final = {True: ("approve-plan", "approved"), False: ("params", "params")}
"""停下的运行从哪里继续：有了批准的计划就重做全局步骤，否则重新检查。"""


_STUCK: Final = msgid("用 status 查看；检查点多半不是最新的（时钟拨回过、从备份恢复），用 repair 另开一次")


class Driver:
    """推进一次运行；``ask`` 决定有没有人可问。"""

    def __init__(self, services: Services, graph: Any, ask: Asker) -> None:
        """用 ``open_driver`` 创建。"""
        self.services = services
        self.graph = graph
        self._ask = ask
        self.on_answer: Callable[[str], None] = print
        self.unanswered: Mapping[str, Any] = {}
        """停下时没有人答的问题。"""

    def start(self, run_id: str) -> ExitCode:
        """从账本里登记的输入开始。"""
        given = self.services.ledger.get_run(run_id).input
        if given.get("rollback_of"):
            return self._recall(run_id)
        control = dict(given["control_params"]) | {"execution_strategy": given["execution_strategy"]}
        if given["requested_ips"] is not None:
            control["target_ips"] = compress_ips(given["requested_ips"])
        return self._advance(run_id, {"run_id": run_id, "params": given["params"], "control": control})

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
        if outdated or not snapshot.tasks:  # next 不算已有写入待合并的任务，不能拿它判断停没停
            node, phase = self._outdated(run_id) if outdated else _RESTART_AT[self._plan_approved(run_id)]
            update = {"phase": phase, "problem": ""}
            self.graph.update_state(_config(run_id), update, as_node=node)
            return self._advance(run_id, None)
        pending = [interrupt for task in snapshot.tasks for interrupt in task.interrupts]
        if not pending:
            return self._advance(run_id, None)
        command = self._command(pending[0])
        return ExitCode.WAITING if command is None else self._advance(run_id, command)

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

    def hear(self, run_id: str, text: str) -> ExitCode:
        """把人说的一句话交给图，推进到停下。"""
        value = {"messages": [{"role": "user", "content": text}], "run_id": run_id}
        return self._settle(run_id, self.say(run_id, value))

    def new_run_id(self) -> str:
        """返回一个账本与检查点里都还没有的运行名。"""
        return unused_run_id(self._taken)

    def _taken(self, run_id: str) -> bool:
        """名字是否已经用过。"""
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

    def _stopped(self, run_id: str) -> str:
        """记下是谁让它停的（没等进行中的就停的，还没有记），返回停在哪里。"""
        with contextlib.suppress(PamError):
            self.services.pause(run_id, self.services.local_actor())
        return stopped_text(self.services.state_of(run_id))

    def _advance(self, run_id: str, value: Any) -> ExitCode:
        """推进到结束，或推进到没有人能答的问题。"""
        return self._settle(run_id, self.say(run_id, value))

    def _settle(self, run_id: str, result: dict[str, Any]) -> ExitCode:
        """图停下了：逐个回答问题，直到结束或没有人能答。

        Raises:
            NoProgressError: 按账本里的决定答过的问题又问了一遍。

        """
        before: Any = None
        while pending := result.get("__interrupt__"):
            if result.get("answered") and result["answer"] != pending[0].value["problem"]:  # 说的是别的事，问题照旧等着
                self.on_answer(result["answer"])
            if (value := self._command(pending[0])) is None:
                return ExitCode.WAITING
            answered = (pending[0].value, str(value.resume)) if self._recorded(pending[0].value) else None
            if answered is not None and answered == before:
                raise NoProgressError(
                    tr(
                        "运行 {run_id} 把已有决定的问题又问了一遍，没有进展；已停下。{stuck}",
                        run_id=run_id,
                        stuck=tr(_STUCK),
                    )
                )
            before = answered
            result = self.say(run_id, value)
        return self._ended(run_id, result)

    def _ended(self, run_id: str, result: Mapping[str, Any]) -> ExitCode:
        """图走到了头：只是回答了一句话的，或说的是另一次运行的，把话说出来。"""
        if result.get("phase") == "diverted":
            raise RunHeldError(result["problem"])
        if result.get("answered") or result["run_id"] != run_id:
            self.on_answer(result["answer"])
        if result.get("answered"):
            return ExitCode.DONE
        return ExitCode(result["exit_code"])

    def _command(self, interrupt: Any) -> Command[Any] | None:
        """回答中断：账本里已有的决定优先，其次问人；没有人能答为 ``None``。"""
        answer = self._recorded(interrupt.value)
        if answer is None:
            answer = self._ask(interrupt.value)
        self.unanswered = interrupt.value if answer is None else {}
        return None if answer is None else Command(resume={interrupt.id: answer})

    def _recorded(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """账本里已记下的决定（来自 ``confirm``）。"""
        ledger, run_id = self.services.ledger, question.get("run_id", "")
        if question["ask"] == Ask.PLAN:
            found = ledger.decision(run_id, PLAN, question["digest"])
            return _spoken(found) if found else None
        if question["ask"] != Ask.ROLLBACK:
            return None
        decided = {q["ip"]: ledger.decision(run_id, q["ip"], q["digest"]) for q in question["waiting"]}
        return {ip: _spoken(found) for ip, found in decided.items() if found} or None

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


def _spoken(approval: Approval) -> dict[str, str]:
    """把账本里的决定写成恢复值。"""
    return {"decision": approval.decision, "note": approval.note, "operator": approval.operator}
