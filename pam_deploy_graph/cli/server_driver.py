"""驱动服务器上的图：交一步过去，从账本跟着它的进展，停下了照样逐个回答（contract 第 8 节 ``--server``）。

进展取自账本，不取自服务器的流：断了线、换了实例、作业换了一个，都看得到同样的事。
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.mirror import Mirror
from pam_deploy_graph.constants import Ask, Decision, ExitCode
from pam_deploy_graph.errors import (
    ConfirmationError,
    InvalidInputError,
    RunConflictError,
    RunHeldError,
    RunPausedError,
    ServerError,
)
from pam_deploy_graph.graph.settling import Settling
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_run_id
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.access import RunAccess, thread_of
from pam_deploy_graph.runs.registration import RunRequest, prepared
from pam_deploy_graph.runs.services import Watcher
from pam_deploy_graph.settings import Settings

if TYPE_CHECKING:
    from pam_deploy_graph.graph.remote import ServerThread

_TICK_SECONDS: Final = 0.3
_GO_ON: Final = "继续"


class ServerDriver(Settling):
    """推进服务器上的一次运行；一次运行一个会话，名字由运行名算出。"""

    joins = frozenset({"running"})

    def __init__(
        self,
        settings: Settings,
        runs: RunAccess,
        desk: Desk,
        watchers: list[Watcher],
        hear: Callable[[Event], None],
    ) -> None:
        """用 ``open_server_driver`` 创建。"""
        super().__init__(desk.ask)
        self.runs = runs
        self._settings, self._desk, self._watchers, self._hear = settings, desk, watchers, hear
        self._left = threading.Event()
        desk.abort = self._left.set
        self._in_advance: set[str] = set()
        self._threads: dict[str, ServerThread] = {}

    def close(self) -> None:
        """断开；会话与推出留在服务器上。"""
        for thread in self._threads.values():
            thread.close()

    def register(self, request: RunRequest, *, yes: bool) -> str:
        """照本机的规矩检查输入，取好名字，登记在服务器的账本里。

        Raises:
            InvalidInputError: 输入不合规则，或给了安装包：它要先到 HOME。
            RunConflictError: 已经有了。

        """
        refuse_package(request)
        run_id = validate_run_id(request.run_id) if request.run_id else self.new_run_id()
        prepared(request, run_id)
        if not self.runs.register(run_id, request.params, request.execution_strategy, request.control_params):
            raise RunConflictError(tr("运行 {run_id} 已经有了；用 resume {run_id} 继续它", run_id=run_id))
        if yes:
            self._in_advance.add(run_id)
        return run_id

    def resume(self, run_id: str) -> ExitCode:
        """继续：还开着的问题先答，没有问题的说「继续」。

        Raises:
            RunNotFoundError: 没有这次运行。
            RunHeldError: 服务器正推着它。

        """
        known = self.runs.glance(run_id)
        if not known:
            self.runs.opening(run_id)  # 说出没有这次运行
        if known["exit_code"] is not None:
            return ExitCode(known["exit_code"])
        thread = self._thread(run_id)
        if known["holder"] or thread.at_work():
            raise RunHeldError(
                tr("运行 {run_id} 正由服务器推着；用 status {run_id} --watch 看着它，或先取消它", run_id=run_id)
            )
        if thread.untouched():
            return self.start(run_id)
        if thread.questions():
            return self._settle(run_id, self._stopped_at(thread))
        return self.hear(run_id, _GO_ON)

    def take_up(self, run_id: str) -> ExitCode:
        """接着做；服务器正推着的，看到它停下。"""
        with Mirror(self.runs, run_id, self._watchers) as mirror:
            mirror.look(lambda _event: None)
            self._follow(run_id, self._thread(run_id), mirror, held=True)
        return self.resume(run_id)

    def say(self, run_id: str, value: Any) -> dict[str, Any]:
        """交给图，跟着它，返回它停下时的状态。"""
        return self._go(run_id, input=dict(value))

    def answer(self, run_id: str, replies: Mapping[str, Any]) -> dict[str, Any]:
        """回答问题；问着的这会儿别人答掉了的，照现在的样子接着。"""
        thread = self._thread(run_id)
        if not replies.keys() <= {one.id for one in thread.questions()}:
            return self._stopped_at(thread)
        return self._go(run_id, command={"resume": dict(replies)})

    def _go(self, run_id: str, **given: Any) -> dict[str, Any]:
        """交一步，跟到它停下。

        Raises:
            ServerError: 服务器连不上，或那边出了错。
            PamError: 图说的错误，原样。

        """
        thread = self._thread(run_id)
        with Mirror(self.runs, run_id, self._watchers) as mirror:
            mirror.look(lambda _event: None)
            self._desk.doing(tr("等服务器"))
            try:
                step = thread.submit(**given)
            except ConfirmationError:
                raise RunHeldError(
                    tr("运行 {run_id} 的会话正忙：服务器还在做上一步，稍后再来", run_id=run_id)
                ) from None
            self._follow(run_id, thread, mirror)
        kind, why = thread.failure(step)
        if kind:
            from pam_deploy_graph.graph.server_runs import served_error

            raise served_error(kind, why)
        return self._stopped_at(thread)

    def _follow(self, run_id: str, thread: "ServerThread", mirror: Mirror, *, held: bool = False) -> None:
        """跟到服务器停下；断一会儿的接着看。按了 Ctrl-C 就要它停。``held`` 是连租约一起看：推着它的实例死了，等到期。

        Raises:
            RunPausedError: 人要停的，停下了。

        """
        self._left.clear()
        asked = False
        while not self._left.is_set():
            with contextlib.suppress(ServerError):
                busy = bool(thread.at_work()) or ((asked or held) and bool(self.runs.glance(run_id).get("holder")))
                mirror.look(self._hear)
                if not busy:
                    break
                if self._desk.stop.is_set() and not asked:
                    thread.interrupt()
                    asked = True
            time.sleep(_TICK_SECONDS)
        if self._left.is_set():
            raise RunPausedError(
                tr("不看了；服务器做完进行中的就停，用 status {run_id} 看，用 resume {run_id} 继续", run_id=run_id)
            )
        if self._desk.stop.is_set():
            self.runs.pause(run_id)
            told = self.runs.glance(run_id).get("stopped", tr("已停下"))
            raise RunPausedError(tr("{told}；用 resume {run_id} 继续", told=told, run_id=run_id))

    def _stopped_at(self, thread: "ServerThread") -> dict[str, Any]:
        """会话停着的样子：状态，连同还开着的问题。"""
        return thread.values() | {"__interrupt__": thread.questions()}

    def _thread(self, run_id: str) -> "ServerThread":
        """这次运行的会话：开着它的那一个，没有就开一个。"""
        from pam_deploy_graph.graph.remote import ServerThread

        if run_id not in self._threads:
            known = self.runs.opening(run_id)["thread"] if self.runs.exists(run_id) else ""
            self._threads[run_id] = ServerThread(
                self._settings.pam_server,
                thread_id=known or thread_of(run_id),
                api_key=self._settings.server_token(),
                tls=self._settings.tls(),
                new=True,
            )
        return self._threads[run_id]

    def _recorded(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """账本里已记下的决定；``--yes`` 的第一份计划，策略许的就在这里答。"""
        found = super()._recorded(question)
        run_id = str(question.get("run_id", ""))
        if found or question["ask"] != Ask.PLAN or run_id not in self._in_advance:
            return found
        self._in_advance.discard(run_id)
        if why := self.runs.why_not_in_advance(run_id):
            self._desk.say(tr("--yes 没有作数：{why}", why=why))
            return None
        return {"decision": str(Decision.APPROVE), "note": tr("事先批准"), "operator": ""}


def refuse_package(request: RunRequest) -> None:
    """安装包不经服务器过去。

    Raises:
        InvalidInputError: 给了它。

    """
    if request.params.get("PACKAGE_PATH"):
        raise InvalidInputError(
            tr("经服务器推出的，安装包要先在 HOME：先在有安装包与令牌的机器上 upload，再去掉 PACKAGE_PATH 来一次")
        )


@contextlib.contextmanager
def open_server_driver(
    settings: Settings, desk: Desk, watchers: list[Watcher], hear: Callable[[Event], None], *, wait: float = 0
) -> Iterator[ServerDriver]:
    """连上服务器。

    Raises:
        InvalidInputError: 令牌不能去那个地址；或要等模块空出来：那由服务器去管。

    """
    from pam_deploy_graph.graph.server_runs import ServerRuns

    if wait:
        raise InvalidInputError(tr("--wait 不经服务器：模块忙着的，服务器马上就说，稍后再来"))
    with ServerRuns(settings) as runs:
        driver = ServerDriver(settings, runs, desk, watchers, hear)
        try:
            yield driver
        finally:
            driver.close()
