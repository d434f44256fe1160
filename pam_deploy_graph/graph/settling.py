"""推进一次运行：图停下了就逐个回答它的问题，直到结束或没有人能答；图在本机还是在服务器上由子类去管。"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Protocol

from pam_deploy_graph.constants import Ask, ExitCode
from pam_deploy_graph.errors import NoProgressError, RunHeldError
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.registration import RunRequest

Asker = Callable[[Mapping[str, Any]], Any]
"""问人：收到中断的内容，返回回答；``None`` 表示此刻没有人能答。"""
_STUCK: Final = msgid("用 status 查看；检查点多半不是最新的（时钟拨回过、从备份恢复），用 repair 另开一次")


class Pending(Protocol):
    """一个还开着的问题。"""

    @property
    def id(self) -> str:
        """它的名字，回答时要带着。"""

    @property
    def value(self) -> Any:
        """它的内容。"""


class Settling(ABC):
    """推进一次运行；``ask`` 决定有没有人可问，``runs`` 照账本看。"""

    runs: RunAccess
    joins: ClassVar[frozenset[str]] = frozenset()
    """别处正做着的哪些处境也接得上，见 ``take_up``。"""

    def __init__(self, ask: Asker) -> None:
        """还没有问过什么。"""
        self.ask = ask
        self.on_answer: Callable[[str], None] = print
        self.unanswered: Mapping[str, Any] = {}
        """停下时没有人答的问题。"""

    @abstractmethod
    def register(self, request: RunRequest, *, yes: bool) -> str:
        """登记一次运行，返回它的名字；``yes`` 是事先批准它的第一份计划。

        Raises:
            InvalidInputError: 输入不合规则；什么也没有做。
            RunConflictError: 已经有了。

        """

    def start(self, run_id: str) -> ExitCode:
        """从登记的输入开始。"""
        given = self.runs.opening(run_id)["input"]
        control = dict(given["control_params"]) | {"execution_strategy": given["execution_strategy"]}
        if given["requested_ips"] is not None:
            control["target_ips"] = compress_ips(given["requested_ips"])
        return self._advance(run_id, {"run_id": run_id, "params": given["params"], "control": control})

    @abstractmethod
    def resume(self, run_id: str) -> ExitCode:
        """继续一次运行；已结束的只把退出码再给一遍。

        Raises:
            RunNotFoundError: 没有这次运行。
            RunHeldError: 另一个存活的进程正握着它。

        """

    def take_up(self, run_id: str) -> ExitCode:
        """同 ``resume``；别处正推着的，看到它停下再接着。"""
        return self.resume(run_id)

    @abstractmethod
    def say(self, run_id: str, value: Any) -> dict[str, Any]:
        """把输入交给图，返回图停下时的状态（含 ``__interrupt__``）。"""

    @abstractmethod
    def answer(self, run_id: str, replies: Mapping[str, Any]) -> dict[str, Any]:
        """回答问题（问题的 id -> 回答），返回图停下时的状态。"""

    def hear(self, run_id: str, text: str) -> ExitCode:
        """把人说的一句话交给图，推进到停下。"""
        return self._advance(run_id, {"messages": [{"role": "user", "content": text}], "run_id": run_id})

    def new_run_id(self) -> str:
        """返回一个还没有用过的运行名。"""
        return unused_run_id(self._taken)

    def _taken(self, run_id: str) -> bool:
        """名字是否已经用过。"""
        return self.runs.exists(run_id)

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
            if (replies := self._replies(pending[0])) is None:
                return ExitCode.WAITING
            answered = self._recorded(pending[0].value) and (_subjects(pending[0].value), list(replies.values()))
            if answered is not None and answered == before:
                raise NoProgressError(
                    tr(
                        "运行 {run_id} 把已有决定的问题又问了一遍，没有进展；已停下。{stuck}",
                        run_id=run_id,
                        stuck=tr(_STUCK),
                    )
                )
            before = answered
            result = self.answer(run_id, replies)
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

    def _replies(self, pending: Pending) -> dict[str, Any] | None:
        """回答一个问题：账本里已有的决定优先，其次问人；没有人能答为 ``None``。"""
        answer = self._recorded(pending.value)
        if answer is None:
            answer = self.ask(pending.value)
        self.unanswered = pending.value if answer is None else {}
        return None if answer is None else {pending.id: answer}

    def _recorded(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """账本里已记下的决定（来自 ``confirm``），写成恢复值。"""
        if not (asked := _subjects(question)):
            return None
        decided = zip(asked, self.runs.recorded(question.get("run_id", ""), asked), strict=True)
        spoken = {subject: _spoken(found) for (subject, _), found in decided if found}
        return (spoken.get(PLAN) if question["ask"] == Ask.PLAN else spoken) or None


def _subjects(question: Mapping[str, Any]) -> list[list[str]]:
    """一个问题问的是什么：各个对象与摘要；账本里不会有决定的为空。"""
    if question["ask"] == Ask.PLAN:
        return [[PLAN, question["digest"]]]
    return [[one["ip"], one["digest"]] for one in question["waiting"]] if question["ask"] == Ask.ROLLBACK else []


def _spoken(approval: Mapping[str, Any]) -> dict[str, str]:
    """把账本里的决定写成恢复值。"""
    return {name: approval[name] for name in ("decision", "note", "operator")}
