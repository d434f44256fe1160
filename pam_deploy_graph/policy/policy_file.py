"""策略文件 ``policy.toml``：读它，问它（contract 第 8 节 ``PAM_POLICY``）。

只有动手的账号改不了它，它才管得住这个账号；改得了的照样照办，但 ``doctor`` 与计划会说它只是约定。
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.policy.rules import Act, Asked, Rule
from pam_deploy_graph.system.trusted_files import read_trusted

POLICY: Final = "PAM_POLICY"
"""计划与决定的事件里，策略的路径与哈希叫什么。"""


class _Rules(BaseModel):
    """文件的内容。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    rule: list[Rule] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Policy:
    """一份策略；``path`` 为空串是没有策略，什么都许。"""

    path: str = ""
    digest: str = ""
    rules: tuple[Rule, ...] = ()
    text: str = ""

    def shown(self) -> dict[str, str]:
        """写进计划的样子；没有策略为空。"""
        return {POLICY: f"{self.path}（SHA-256 {self.digest}）"} if self.path else {}

    def rule_for(self, airport: str, application: str) -> Rule | None:
        """管这个机场、这个应用的规则；没有为 ``None``。"""
        return next((rule for rule in self.rules if rule.covers(airport, application)), None)

    def why_not(self, asked: Asked) -> str:
        """说明为什么不许；许的为空串。有策略而没有一条管到的，不许。"""
        if not self.path:
            return ""
        rule = self.rule_for(asked.airport, asked.application)
        if rule is None:
            return tr(
                "策略 {path} 没有一条管到机场 {airport} 的 {application}，所以不许",
                path=self.path,
                airport=asked.airport,
                application=asked.application,
            )
        return rule.why_not(asked)

    def approvals_needed(self, airport: str, application: str, workstations: int) -> int:
        """这份计划要几个人批准。"""
        rule = self.rule_for(airport, application)
        return rule.approvals_needed(workstations) if rule else 1

    def needs_another(self, asked: Asked) -> str:
        """事先批准（``--yes``）行不行：自己不能批准、还要别人批准、要签名的不行，说明原因。"""
        if reason := self.why_not(asked):
            return reason
        needed = self.approvals_needed(asked.airport, asked.application, asked.workstations)
        return tr("策略要求 {needed} 个人批准", needed=needed) if needed > 1 and asked.act is Act.APPROVE_PLAN else ""


def open_policy(path: str) -> Policy:
    """按 ``PAM_POLICY`` 读策略；空串是没有策略。

    Raises:
        InvalidInputError: 读不了、别人写得了，或看不懂：有策略而读不懂的，绝不当作没有。

    """
    if not path:
        return Policy()
    try:
        text = read_trusted(Path(path)).decode()
    except OSError as error:
        raise InvalidInputError(tr("策略文件 {path} 没有读：{problem}", path=path, problem=error.strerror)) from None
    except UnicodeDecodeError:
        raise InvalidInputError(tr("策略文件 {path} 不是 UTF-8 文本", path=path)) from None
    return policy_of(text, str(Path(path).absolute()))


def policy_of(text: str, path: str) -> Policy:
    """由文本读策略；``path`` 只写进消息与计划。

    Raises:
        InvalidInputError: 看不懂。

    """
    import tomllib

    try:
        rules = _Rules.model_validate(tomllib.loads(text)).rule
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(tr("策略文件 {path} 不是 TOML：{error}", path=path, error=error)) from None
    except ValidationError as error:
        where = tr("、").join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
        raise InvalidInputError(tr("策略文件 {path} 里 {where} 不合规则", path=path, where=where)) from None
    return Policy(path, hashlib.sha256(text.encode()).hexdigest(), tuple(rules), text)
