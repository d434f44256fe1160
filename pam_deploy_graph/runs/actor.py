"""谁在动手：真正的账号、他是谁、从哪里来；自报的名字只记在旁边（contract 第 5、8 节）。"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.account import acting_account

if TYPE_CHECKING:
    from pam_deploy_graph.people import PeopleBook

UNNAMED: Final = "未具名（经服务器）"


@dataclass(frozen=True, slots=True)
class Actor:
    """一个动手的人。

    ``account`` 记进账本，谁也替换不了；``person`` 是账户文件里的人（没有账户文件的，是系统账号或登录名），
    不知道是谁的为空串；``channel`` 是从哪里来的。
    """

    account: str
    person: str
    channel: str

    @property
    def name(self) -> str:
        """没有自报名字时写的名字。"""
        return self.person or self.account

    def told(self) -> dict[str, str]:
        """记进事件的样子。"""
        return {"operator": self.name, "account": self.account, "channel": self.channel}


def local_actor(book: "PeopleBook | None", channel: str, sudo_user: str = "") -> Actor:
    """本机的账号：由用户数据库说；有账户文件的，照它认人。"""
    account = acting_account(sudo_user)
    person = account.name if book is None else book.of_account(account.name)
    return Actor(str(account), person, channel)


def server_actor(book: "PeopleBook | None", identity: str, channel: str = "server") -> Actor:
    """经服务器来的：验过的身份；没有验过的不知道是谁，绝不是服务自己的账号。"""
    from pam_deploy_graph.people import NOBODY

    if not identity:
        return Actor(UNNAMED, NOBODY, channel)
    known = book is None or identity in book.people
    person = identity.replace("|", "%7C")  # 账本里用它隔开人与角色：登录名不能自带一个角色
    return Actor(tr("登录用户 {identity}", identity=identity), person if known else NOBODY, channel)
