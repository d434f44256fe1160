"""推着运行的人：决定过了的接着做，死了的进程手上的接过来；只推自己的与交给它的，停着的由人继续（contract 第 8 节）。"""

import contextlib
import contextvars
import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from pam_deploy_graph.console.room import CHANNEL, Room
from pam_deploy_graph.constants import Ask
from pam_deploy_graph.errors import LedgerDamagedError, PamError, RunPausedError
from pam_deploy_graph.graph.driver import open_driver
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, RunRecord, read_head
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.handing_over import requester_of
from pam_deploy_graph.runs.open_questions import open_questions
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.host_tasks import telling_to_stop
from pam_deploy_graph.system.masking import mask

_LOOK_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 20.0
"""要停的时候，等进行中的工作站做完，最多这么久；再久的下次启动时查证。"""
_MOST: Final = 10_000
"""没有结束的运行至多看这么多次：比它早的也可能刚有了决定。"""
_LOGGER: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Drive:
    """正推着的一次：哪个线程，哪套部件，推起来之前有几个决定。"""

    thread: threading.Thread
    services: Services
    decisions: int


class Keeper:
    """一个进程一个；``start`` 之后每秒看一眼，``leave`` 之后不再推。"""

    def __init__(self, room: Room) -> None:
        """还没有推着什么。"""
        self._room = room
        self._told = threading.Event()
        self._lock = threading.Lock()
        self._drives: dict[str, _Drive] = {}
        self._left_at: dict[str, tuple[int, int]] = {}
        """推过而停下的，停在哪一行、推起来之前有几个决定：没有新的就不再推。"""
        self._handed: set[str] = set()
        self.problems: dict[str, str] = {}
        """推不下去的，为什么。"""
        self._looker = threading.Thread(target=self._look_on, name="pam-keeper", daemon=True)
        room.driven, room.may_drive = lambda: frozenset(self._drives), self.may_drive
        room.hand_over, room.pause = self.hand_over, self.pause
        room.problem_of = lambda run_id: self.problems.get(run_id, "")

    def start(self) -> None:
        """开始看。"""
        self._looker.start()

    def leave(self) -> None:
        """不再开新的；进行中的工作站做完为止，最多等一会儿。"""
        self._told.set()
        until = time.monotonic() + _LEAVE_SECONDS
        for drive in list(self._drives.values()):
            drive.thread.join(max(0.0, until - time.monotonic()))

    def hand_over(self, run_id: str) -> None:
        """有人把一次运行交给它：接着推，包括停过的。"""
        with self._lock:
            self._handed.add(run_id)
            self._left_at.pop(run_id, None)
            self.problems.pop(run_id, None)

    def pause(self, run_id: str, actor: Actor) -> bool:
        """有人要它停一停：不再开新的，进行中的做完；不是它推着的为假。"""
        drive = self._drives.get(run_id)
        if drive is None:
            return False
        drive.services.signs.pausing[run_id] = actor
        return True

    def may_drive(self, run_id: str) -> bool:
        """一次运行是不是它推的。"""
        return self._may_drive(self._room.services.ledger.get_run(run_id))

    def _look_on(self) -> None:
        """一直看着，直到要停。"""
        while not self._told.wait(_LOOK_SECONDS):
            try:
                self.look()
            except PamError as error:  # 账本一时读不到，下次再看
                _LOGGER.warning(tr("没有看成：%s"), mask(str(error)))

    def look(self) -> None:
        """看一眼：该推的推起来。"""
        for run in self._room.services.ledger.list_runs(_MOST, unfinished=True):
            with contextlib.suppress(LedgerDamagedError):
                if run.run_id not in self._drives and self._may_drive(run) and self._ready(run):
                    self._begin(run)

    def _may_drive(self, run: RunRecord) -> bool:
        """是不是它的：网页上提出的，``run --detach`` 交来的，有人点了继续的。"""
        return run.run_id in self._handed or requester_of(run) is not None

    def _ready(self, run: RunRecord) -> bool:
        """轮不轮得到推：没有进程握着，没有人让它停着，等着的都有了决定，停下之后有了新的。"""
        ledger = self._room.services.ledger
        if ledger.held(run.run_id) is not None:
            return False
        head = self._head(ledger, run.run_id)
        if self._left_at.get(run.run_id) == head:
            return False
        state = ledger.load_state(run.run_id, keep_events=False)
        if state.paused_by:
            return False
        if run.reason and run.run_id not in self._handed and run.run_id not in self._left_at:
            self._left_at[run.run_id] = head  # 从前停下过的，重新启动之后等人说继续
            return False
        if open_questions(ledger, state) and not run.cancelled_by:
            self._left_at[run.run_id] = head
            return False
        return True

    @staticmethod
    def _head(ledger: Ledger, run_id: str) -> tuple[int, int]:
        """两条链各到了哪里。"""
        found = read_head(ledger.engine, run_id)
        return found["seq"], found["decisions"]

    def _begin(self, run: RunRecord) -> None:
        """推起来。"""
        actor = requester_of(run)
        services = Services(
            home=self._room.home, settings=self._room.settings, channel=CHANNEL, given_actor=actor, at_node=self._check
        )
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._drive, run.run_id, services), name=f"pam-drive-{run.run_id}", daemon=True
        )
        decisions = self._head(self._room.services.ledger, run.run_id)[1]
        with self._lock:
            self._handed.discard(run.run_id)
            self._drives[run.run_id] = _Drive(thread, services, decisions)
        thread.start()

    def _check(self, _node: str) -> None:
        """进下一个节点之前：要停了就不进。"""
        if self._told.is_set():
            raise RunPausedError(tr("网页控制台要停了"))

    def _drive(self, run_id: str, services: Services) -> None:
        """推到停下；为什么停的记着。"""
        problem = ""
        try:
            with telling_to_stop(self._told), open_driver(services, lambda _question: None) as driver:
                driver.on_answer = lambda _text: None
                driver.resume(run_id)
                if driver.unanswered.get("ask") == Ask.PARAMS:  # 网页上没有人答得了的：说出来，不再自己推
                    problem = str(driver.unanswered["action_requests"][0]["description"])
        except PamError as error:
            problem = mask(str(error))
        except Exception as error:  # 推着的线程里什么都可能抛出；说出来，别的运行照常
            _LOGGER.exception(tr("推着运行 %s 时出错"), run_id)
            problem = mask(f"{type(error).__name__}: {error}")
        finally:
            self._over(run_id, services, problem)

    def _over(self, run_id: str, services: Services, problem: str) -> None:
        """不再推了。"""
        with contextlib.suppress(PamError):
            # 只是等人的不记，推着的时候又有人点了继续的也不记；推着的时候记下的决定也许没有看到，只认推之前的那几个
            if (problem or services.ledger.get_run(run_id).reason) and run_id not in self._handed:
                seq, _ = self._head(services.ledger, run_id)
                self._left_at[run_id] = seq, self._drives[run_id].decisions
        if problem and not self._told.is_set():
            self.problems[run_id] = problem
        services.close()
        with self._lock:
            self._drives.pop(run_id, None)
