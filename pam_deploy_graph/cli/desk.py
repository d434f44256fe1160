"""工作台：事情在一个工作线程里做，键盘与信号归主线程；做着的、问着的、打进来的字在这里碰头。

谁读键盘：只有主线程，经由 ``face``。谁动屏幕：也只有它。推出途中的问题由工作线程交过来，主线程显示、读、交回。
"""

import contextlib
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, TypeVar

from pam_deploy_graph.cli.plain_face import PlainFace
from pam_deploy_graph.cli.screen import deaf_stops, is_live, say
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system import waits

T = TypeVar("T")
Answerer = Callable[[Mapping[str, Any]], Any]
"""显示一个问题，读出回答；``None`` 是没有人答。"""
_MOST_NAMED: Final = 5
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _abort_loop() -> None:
    """丢下事件循环里进行中的。"""
    from pam_deploy_graph.system import event_loop

    event_loop.abort()


class Face(Protocol):
    """键盘与屏幕的样子：活动的，或一行一行的。"""

    def wake(self) -> None:
        """叫醒 ``attend``。"""

    def heard(self) -> None:
        """刚有消息。"""

    def attend(self, prompt: str, /) -> str | None:
        """等到有人打了一句（活动屏幕），或被叫醒（``None``）。"""

    def read(self, prompt: str, *, draft: str = "", fresh: bool = False) -> str | None:
        """读一句；没有为 ``None``。"""


class Desk:
    """一次命令的工作台。

    ``stop`` 是「不再开新的」的开关；``answer`` 答一个问题，``hear`` 收下途中打的一句；``progress`` 给出进度的一行，
    ``in_flight`` 给出进行中的各台与动作。用的人换上自己的。
    """

    def __init__(self) -> None:
        """手上还没有事。"""
        self.stop = threading.Event()
        self.kept: list[str] = []
        """途中打的、还没有用上的话。"""
        self.answer: Answerer = lambda _question: None
        self.hear: Callable[[str], None] = self.kept.append
        self.progress: Callable[[], str] = str
        self.in_flight: Callable[[], Mapping[str, str]] = dict
        self.abort: Callable[[], None] = _abort_loop
        """第二次 Ctrl-C：不等进行中的了。"""
        self.face: Face
        self._doing = ("", 0.0)
        self._asked: tuple[Mapping[str, Any], Future[Any]] | None = None
        self._pressed = self._taken = 0
        self._answering = False

    def line(self) -> str:
        """此刻的一行：推出的进度；还没有推出的，是正在做什么、多久了。"""
        what, since = self._doing
        told = self.progress() or (
            tr("{what} 已 {monotonic:.0f} 秒", what=what, monotonic=time.monotonic() - since) if what else ""
        )
        parts = [tr("正在停") if told and self.stop.is_set() else "", waits.told(), told]
        return " · ".join(filter(None, parts))

    def doing(self, what: str) -> None:
        """开始做一件没有进度可数的事；空串是做完了。"""
        self._doing = (what, time.monotonic())

    def say(self, text: str, colour: str | None = None) -> None:
        """写几行；写不出去的像 Ctrl-C 那样停。"""
        with deaf_stops(self.stop):
            say(text, colour)

    def ask(self, question: Mapping[str, Any]) -> Any:
        """在工作线程里问人：交给主线程，等它的回答；已经要停了就没有人答。"""
        box: Future[Any] = Future()
        if self.stop.is_set():
            return None
        self._asked = (question, box)
        self.face.wake()
        return box.result()

    def work(self, job: Callable[[], T]) -> T:
        """做一件事，做完为止；其间答它的问题、收下打进来的字、听 Ctrl-C。

        Raises:
            Exception: ``job`` 抛出什么就是什么；第二次 Ctrl-C 之后是 ``RunPausedError``。

        """
        self._pressed = self._taken = 0
        done: Future[T] = Future()
        worker = threading.Thread(target=self._do, args=(job, done), name="pam-work", daemon=True)
        with self._signals():
            worker.start()
            while not done.done():
                self._turn()
        self.doing("")
        return done.result()

    def request_stop(self) -> None:
        """要它停（Ctrl-C、「暂停」）：立刻应一声；第二次不等进行中的。"""
        self._pressed += 1
        self.face.wake()

    def keep(self, text: str) -> None:
        """收下一句没有用上的话。"""
        self.kept.append(text)

    def take_kept(self) -> str:
        """取出最早收下的一句；没有为空串。"""
        return self.kept.pop(0) if self.kept else ""

    def _do(self, job: Callable[[], T], done: "Future[T]") -> None:
        """在工作线程里做；怎么结束的都交给主线程。"""
        try:
            done.set_result(job())
        except BaseException as error:  # noqa: BLE001  由主线程原样抛出
            done.set_exception(error)
        finally:
            self.face.wake()

    def _turn(self) -> None:
        """主线程的一转：应 Ctrl-C，答问题，或听一句。"""
        if self._pressed > self._taken:
            self._taken += 1
            return self._stop_now() if self._taken > 1 else self._stop_soon()
        if self._asked:
            return self._answer()
        try:
            text = self.face.attend("> ")
        except KeyboardInterrupt:
            return self.request_stop()
        except (EOFError, OSError, termios.error):
            return self._no_more_keys()
        return self.hear(text) if text else None

    def _answer(self) -> None:
        """答工作线程问的；读的时候 Ctrl-C 是不答。"""
        if not self._asked:
            return
        (question, box), self._asked = self._asked, None
        self._answering = True
        try:
            box.set_result(self.answer(question))
        except KeyboardInterrupt:
            box.set_result(None)
        finally:
            self._answering = False
            if not box.done():
                box.set_result(None)

    def _stop_soon(self) -> None:
        """第一次：不再开新的，进行中的做完。"""
        self.stop.set()
        flying = tr("、").join(list(self.in_flight())[:_MOST_NAMED])
        self.say(tr("正在停：等 {flying} 做完；再按一次 Ctrl-C 立即停", flying=flying or tr("这一步")), "yellow")

    def _stop_now(self) -> None:
        """第二次：不等了。停在哪里、哪些结果未知，由停下的一方照账本说。"""
        self.say(tr("立即停，不等进行中的了"), "yellow")
        self.abort()

    def _no_more_keys(self) -> None:
        """终端没有了就像 Ctrl-C 那样停；只是按了 Ctrl-D 的，说明怎样停。"""
        with contextlib.suppress(termios.error):
            termios.tcgetattr(sys.stdin.fileno())
            return self.say(tr("还在进行；要停下请按 Ctrl-C，或说「暂停」。"))
        self.stop.set()
        self.face = PlainFace(str, self.say)
        return None

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """做着的时候，Ctrl-C、TERM 与终端关闭都让进行中的做完再停；问着的时候照旧：不答，或离开。"""
        kinds = [kind for kind in _SIGNALS if signal.getsignal(kind) is not signal.SIG_IGN]  # nohup 之下不理 HUP
        before: dict[int, Any] = {int(kind): signal.getsignal(kind) for kind in kinds}

        def caught(number: int, frame: FrameType | None) -> None:
            """收到一个。"""
            if self._answering and callable(before[number]):
                before[number](number, frame)
            else:
                self.request_stop()

        for kind in kinds:
            signal.signal(kind, caught)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def open_desk(home: Path, words: Callable[[], list[str]] = list, *, plain: bool = False) -> Iterator[Desk]:
    """备好工作台；键盘与屏幕都是终端的用活动屏幕，否则一行一行地读写。

    Args:
        home: 工作目录，打过的话留在它的 ``runtime/``。
        words: 此刻可以补全的话。
        plain: 不管是不是终端都一行一行（``--json``）。

    """
    desk = Desk()
    with contextlib.ExitStack() as stack:
        if is_live() and not plain:
            from pam_deploy_graph.cli.live_face import LiveFace

            face = LiveFace(home, desk.line, words)
            stack.enter_context(face.on_screen())
            desk.face = face
        else:
            desk.face = PlainFace(desk.line, desk.say)
        yield desk
