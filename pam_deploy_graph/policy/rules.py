"""策略的规则：哪个机场、哪个应用，谁可以提出、批准计划、批准回滚，要几个人（纯函数）。"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from pam_deploy_graph.i18n import Worded, msgid, tr

_ROLE: Final = "role:"
_ANYONE: Final = "*"
_UNKNOWN: Final = msgid("（不知道是谁）")


class Act(StrEnum):
    """要人做主的事。"""

    REQUEST = "request"
    APPROVE_PLAN = "approve_plan"
    APPROVE_ROLLBACK = "approve_rollback"


_WORDS: Final = Worded({Act.REQUEST: "提出部署", Act.APPROVE_PLAN: "批准计划", Act.APPROVE_ROLLBACK: "决定回滚"})
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class Asked:
    """要做的一件事：``person`` 为空串是不知道是谁；``others`` 是已经批准过同一份计划的人。"""

    act: Act
    airport: str
    application: str
    person: str
    roles: Sequence[str] = ()
    workstations: int = 0
    requester: str = ""
    others: Sequence[str] = ()
    signed: bool = False


def role_text(person: str, roles: Sequence[str], under: str = "") -> str:
    """账本里一个决定的 ``role``：「人|角色,角色|照的策略与账户文件」；不知道是谁的人为空，没有照的没有第三段。"""
    return "|".join([person, ",".join(roles), *([under] if under else [])])


def role_parts(role: str) -> tuple[str, list[str]]:
    """由 ``role_text`` 写成的还原成人与角色。"""
    person, roles, *_ = [*role.split("|", 2), ""]
    return person, roles.split(",") if roles else []


def role_under(role: str) -> str:
    """由 ``role_text`` 写成的还原成照的策略与账户文件；没有的为空串。"""
    return "".join(role.split("|", 2)[2:])


class Rule(BaseModel):
    """策略里的一条；``airport``、``application`` 可以用 ``*``，第一条对得上的作数。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    airport: str = _ANYONE
    application: str = _ANYONE
    request: list[str] = Field(default_factory=lambda: [_ANYONE])
    approve_plan: list[str] = Field(default_factory=lambda: [_ANYONE])
    approve_rollback: list[str] = Field(default_factory=lambda: [_ANYONE])
    four_eyes_from: Count | None = None
    """计划里满这么多台，提出的人不能自己批准。"""
    two_approvals_from: Count | None = None
    """计划里满这么多台，要两个人批准。"""
    signed: bool = False
    """决定要用本人的 SSH 密钥签名。"""

    def covers(self, airport: str, application: str) -> bool:
        """管不管这个机场的这个应用。"""
        return fnmatchcase(airport, self.airport) and fnmatchcase(application, self.application)

    def approvals_needed(self, workstations: int) -> int:
        """这么多台的计划要几个人批准。"""
        return 2 if self.two_approvals_from is not None and workstations >= self.two_approvals_from else 1

    def why_not(self, asked: Asked) -> str:
        """说明为什么不许；许的为空串。"""
        allowed = getattr(self, str(asked.act))
        if not self._named(allowed, asked):
            who, can = asked.person or tr(_UNKNOWN), tr("、").join(allowed) or tr("（没有人）")
            return tr("策略不许 {who} {words}；可以的是 {can}", who=who, words=_WORDS[asked.act], can=can)
        if asked.act is Act.REQUEST:
            return ""
        if self.signed and not asked.signed:
            return tr(
                "策略要求用本人的 SSH 密钥签名：在终端的提示里作答会问用哪把密钥，别处用 confirm RUN_ID --sign 密钥"
            )
        return self._other_person(asked) if asked.act is Act.APPROVE_PLAN else ""

    def _other_person(self, asked: Asked) -> str:
        """要另一个人批准的，是不是另一个人。"""
        four_eyes = self.four_eyes_from is not None and asked.workstations >= self.four_eyes_from
        if four_eyes and not asked.person:
            return tr("策略要求由提出者以外的人批准，而不知道是谁在批准")
        if four_eyes and asked.person == asked.requester:
            return tr(
                "策略要求 {four_eyes_from} 台以上的计划由提出者（{requester}）以外的人批准",
                four_eyes_from=self.four_eyes_from,
                requester=asked.requester,
            )
        if self.approvals_needed(asked.workstations) > 1 and (not asked.person or asked.person in asked.others):
            return tr("策略要求两个人批准；{person} 不能算另一个", person=asked.person or tr(_UNKNOWN))
        return ""

    @staticmethod
    def _named(allowed: Sequence[str], asked: Asked) -> bool:
        """名单里有没有他；``*`` 是谁都行。"""
        mine = {_ANYONE, *([asked.person] if asked.person else []), *(_ROLE + role for role in asked.roles)}
        return bool(mine & {*allowed})
