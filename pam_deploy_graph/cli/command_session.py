"""一次命令的会话：部件、驱动与输出，用完即关。"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.cli.asking import Asker, approve_all, nobody, somebody
from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.midway import Midway
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.cli.progress import EventLines, Listener, emit, json_events, unless_deaf
from pam_deploy_graph.cli.signed_answers import read_decision
from pam_deploy_graph.constants import DECISIONS, Ask, Decision, ExitCode
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.settling import Settling
from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.report.progress_line import Progress
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.lookup import AT_HOME_ONLY
from pam_deploy_graph.runs.patience import Patience
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.status import next_step
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system import waits
from pam_deploy_graph.system.open_files import allow_many_files
from pam_deploy_graph.system.terminal import put

if TYPE_CHECKING:
    from pam_deploy_graph.graph.driver import Driver


@dataclass
class Session:
    """一次命令的会话；``as_json`` 为真时数据逐行是 JSON。"""

    driver: Settling
    desk: Desk
    asker: Asker
    as_json: bool

    @property
    def runs(self) -> RunAccess:
        """照账本看、记的口。"""
        return self.driver.runs

    def at_home(self) -> "Driver":
        """要本机的账本才做得了的命令用。

        Raises:
            InvalidInputError: 经服务器的没有。

        """
        from pam_deploy_graph.graph.driver import Driver

        if not isinstance(self.driver, Driver):
            raise InvalidInputError(tr(AT_HOME_ONLY))
        return self.driver

    def say(self, text: str) -> None:
        """把一句话写到标准错误。"""
        self.desk.say(text)

    def run(self, run_id: str, work: Callable[[], ExitCode]) -> ExitCode:
        """在工作台上推进一次运行，说明停在哪里，返回退出码。"""
        self.desk.hear = Midway(self.runs, self.desk, lambda: run_id).hear
        code = self.finish(run_id, self.desk.work(work))
        if self.desk.kept:
            self.say(tr("途中打的还没有照做：{kept}", kept=tr("；").join(self.desk.kept)))
        return code

    def finish(self, run_id: str, code: ExitCode) -> ExitCode:
        """说明停在哪里、下一步做什么，原样返回退出码。"""
        if self.as_json:
            if asked := self.driver.unanswered:
                emit({"type": "QUESTION", "run_id": run_id, "at": now_ms(), "question": dict(asked)})
            emit({"type": "WAITING" if code is ExitCode.WAITING else "ENDED", "run_id": run_id, "exit_code": int(code)})
        if code is ExitCode.WAITING:
            self.say(tr("等人决定：{next}", next=self._next(run_id)))
            return code
        ended = self.runs.ended(run_id, brief=sys.stdout.isatty())
        if not self.as_json:
            put(ended["report"], end="")
        if ended["exit_code"] is None:
            self.say(tr("错误: {reason}", reason=ended["reason"]) if ended["reason"] else tr("已停下"))
            self.say(tr("可以继续：resume {run_id}", run_id=run_id))
        elif ended["reason"]:
            self.say(tr("结果: {reason}", reason=ended["reason"]))
        return code

    def _next(self, run_id: str) -> str:
        """等着的问题怎样答。"""
        asked = self.driver.unanswered
        if asked.get("ask") == Ask.PARAMS:
            return tr("在终端里 resume {run_id} 补上", run_id=run_id)
        digest = str(asked["digest"]) if asked.get("ask") == Ask.PLAN else ""
        return next_step("waiting", run_id, plan_digest=digest)


@contextlib.contextmanager
def open_session(
    home: Path,
    desk: Desk,
    *,
    as_json: bool,
    yes: bool = False,
    talking: bool = False,
    settings: Settings | None = None,
    may_replace: bool = False,
    wait: float = 0,
) -> Iterator[Session]:
    """打开会话。

    Args:
        home: 工作目录。
        desk: 工作台；问题、进度、停下都经过它。
        as_json: 进度逐行写成 JSON。
        yes: 凡问皆同意。
        talking: 对话：不是终端的也逐行读回答。
        settings: 设置；不给时取自环境与 ``.env``（contract 第 8 节）。
        may_replace: 账本丢了也照样新建一份（``repair``）。
        wait: 模块正由别的运行占着时，最多等几秒。

    """
    allow_many_files()
    settings = settings or settings_for(home)
    progress = Progress()
    hear = unless_deaf(json_events(progress) if as_json else EventLines(desk, progress), desk.stop)
    waits.hearers.append(desk.say)
    try:
        with contextlib.ExitStack() as stack:
            if settings.pam_server:
                from pam_deploy_graph.cli.server_driver import open_server_driver as served

                driver: Settling = stack.enter_context(served(settings, desk, [progress.following], hear, wait=wait))
            else:
                services = Services(home=home, settings=settings, channel="cli", may_replace=may_replace)
                driver = stack.enter_context(_at_home(services, desk, progress, hear, wait))
            driver.on_answer = desk.say
            asker = Asker(desk, partial(_decided, driver.runs, desk), driver.runs.reply)
            desk.answer = approve_all(desk) if yes else asker if talking or somebody() else nobody(desk)
            desk.progress, desk.in_flight = progress.line, progress.in_flight
            yield Session(driver, desk, asker, as_json)
    finally:
        waits.hearers.remove(desk.say)


@contextlib.contextmanager
def _at_home(services: Services, desk: Desk, progress: Progress, hear: Listener, wait: float) -> "Iterator[Driver]":
    """本机的驱动，用完关上部件。"""
    from pam_deploy_graph.graph.driver import open_driver

    services.stop, services.watchers, services.at_node = desk.stop, [progress.following], _telling(desk)
    services.listeners.append(hear)
    services.patience = Patience(wait, desk.say)
    try:
        _ = services.inventory  # 清单写错了的，在这里就说，什么也没有做
        with open_driver(services, desk.ask) as driver:
            yield driver
    finally:
        services.close()


def _decided(runs: RunAccess, desk: Desk, question: Mapping[str, Any], text: str) -> dict[str, Any]:
    """读一个决定；问着的这会儿别人先决定了的，说出是谁、怎样决定的。"""
    answer = read_decision(runs, question, text, ask=desk.face.read)
    asked = [[PLAN, question["digest"]]] if question["ask"] == Ask.PLAN else []
    asked = asked or [[one["ip"], one["digest"]] for one in question["waiting"] if one["ip"] in answer]
    for (subject, _), first in zip(asked, runs.recorded(question["run_id"], asked), strict=True):
        if first:
            what = DECISIONS[Decision(first["decision"])].meaning(plan=subject == PLAN)
            name = tr("计划") if subject == PLAN else subject
            desk.say(
                tr(
                    "{name} 已由 {operator} 先决定了：{label}；你的回答没有作数。",
                    name=name,
                    operator=first["operator"],
                    label=tr(what.label),
                )
            )
    return answer


_NODES: Final = Worded(
    {
        "intent": "理解中",
        "params": "核对参数",
        "plan": "出计划：问 HOME、NODE 与各台工作站",
        "recall": "查要退回的几台",
    }
)
"""还没有进度可数的节点，在做什么。"""


def _telling(desk: Desk) -> Callable[[str], None]:
    """图进了哪个节点，告诉工作台。"""
    return lambda name: desk.doing(_NODES.get(name, ""))
