"""控制台的一间屋：设置、部件、折叠、登录的密钥；凡碰账本的都排在同一个线程里。"""

import asyncio
import contextvars
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from pam_deploy_graph.console.ended_sessions import EndedSessions
from pam_deploy_graph.console.live import Live
from pam_deploy_graph.console.sessions import Sealer, Session, open_key
from pam_deploy_graph.console.throttle import Throttle
from pam_deploy_graph.people import PeopleBook
from pam_deploy_graph.runs.actor import Actor, local_actor, server_actor
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.account import current_operator

T = TypeVar("T")
CHANNEL: Final = "web"
_KEPT: Final = 256
"""至多留着几次运行的折叠；比总览一眼看的多，否则每一眼都要从头折叠。"""


class Room:
    """一个进程一间；用完 ``close``。"""

    def __init__(self, home: Path, settings: Settings, *, driving: bool = True) -> None:
        """打开账本。

        Args:
            home: 工作目录。
            settings: 设置。
            driving: 推不推运行；为假时只看、只记决定。

        """
        self.home, self.settings, self.driving = home, settings, driving
        self.services = Services(home=home, settings=settings, channel=CHANNEL)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pam-console")
        self._lives: dict[str, Live] = {}
        key = home / "runtime" / "console.key"
        self.ended_sessions = EndedSessions(home / "runtime" / "console_ended.json", key)
        self.sealer = Sealer(open_key(key))
        self.entry_key = secrets.token_urlsafe(24)
        """没有账户文件时，拿着它的人就是本机的操作员；只在启动时写给他看。"""
        self.throttle = Throttle()
        self.verifying = asyncio.Semaphore(2)
        """核对口令费时费内存：同时至多两个。"""
        self.drill = False
        """开的是试验场。"""
        self.rows: dict[tuple[str, str], tuple[Any, tuple[int, int], dict[str, Any]]] = {}
        """总览里的一行，各种语言各一份，与写它时的样子：没有变就不重算。"""
        self.ended_ips: dict[str, frozenset[str]] = {}
        """结束了的运行动过的工作站；不会再变。"""
        self.driven: Callable[[], frozenset[str]] = frozenset
        """此刻由本进程推着的运行。"""
        self.may_drive: Callable[[str], bool] = lambda _run_id: False
        self.hand_over: Callable[[str], None] = lambda _run_id: None
        self.pause: Callable[[str, Actor], bool] = lambda _run_id, _actor: False
        self.problem_of: Callable[[str], str] = lambda _run_id: ""
        """以上几样由推着运行的人（``Keeper``）接上；只看的没有。"""

    async def ask(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """在管账本的那个线程里做一件事。"""
        context = contextvars.copy_context()  # 说哪种语言，随请求走
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(context.run, work, *args, **more))

    def live(self, run_id: str) -> Live:
        """返回一次运行追到最新的折叠；只在管账本的线程里用。

        Raises:
            RunNotFoundError: 没有这次运行。

        """
        known = self._lives.pop(run_id, None)
        if known is None:
            known = Live(self.services.ledger, run_id)
        else:
            known.catch_up()
        self.services.inventory.lend_names(known.state)
        self._lives[run_id] = known
        while len(self._lives) > _KEPT:
            del self._lives[next(iter(self._lives))]
        return known

    def known(self, run_id: str) -> Live:
        """同上，折叠过的不再追：同一眼里再要一次。"""
        return self._lives.get(run_id) or self.live(run_id)

    def acting(self, actor: Actor) -> Services:
        """返回替一个人做事的部件，用的是同一个账本。"""
        apart = replace(self.services, given_actor=actor, _states={})
        vars(apart)["ledger"] = self.services.ledger
        return apart

    def actor(self, session: Session) -> Actor:
        """登录了的人，记进账本的样子。"""
        book = self.services.people
        if book is None:
            return local_actor(None, CHANNEL, self.settings.sudo_user())
        return server_actor(book, session.person, CHANNEL)

    def enter(self, name: str, password: str) -> Session | None:
        """核对口令；没有账户文件的核对启动时写出的那一句。要花几十毫秒，不在事件循环里做。"""
        book = self.services.people
        if book is None:
            return Session.begin(current_operator()) if secrets.compare_digest(password, self.entry_key) else None
        return Session.begin(name, _seal(book, name)) if book.checks_password(name, password) else None

    def vouch(self, name: str) -> Session | None:
        """前面的代理认过的人；账户文件里没有的为 ``None``。"""
        book = self.services.people
        return Session.begin(name, _seal(book, name), vouched=True) if book and name in book.people else None

    def still_valid(self, session: Session) -> bool:
        """人还在账户文件里、口令没有换过。"""
        book = self.services.people
        if book is None:
            return session.person == current_operator() and not session.seal
        return session.person in book.people and session.seal == _seal(book, session.person)

    @property
    def entry(self) -> str:
        """启动时写给人的地址里，主机之后的部分：没有账户文件的带着那句钥匙；它的名字不能像秘密，否则写出来就遮掉了。"""
        return f"login?entry={self.entry_key}" if self.alone else ""

    @property
    def alone(self) -> bool:
        """没有账户文件：一个人的工具。"""
        return not self.settings.pam_people

    def close(self) -> None:
        """关上账本。"""
        self._thread.shutdown(cancel_futures=True)
        self.services.close()


def _seal(book: PeopleBook, name: str) -> str:
    """随口令变的一小段；看不出口令。"""
    return hashlib.sha256(book.people[name].password.encode()).hexdigest()[:16]
