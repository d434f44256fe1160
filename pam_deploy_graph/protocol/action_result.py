"""一次动作的结果，和对成功应答的核对（contract 第 3 节）。"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from pam_deploy_graph.constants import ACTIONS, ScriptExit
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.protocol.outcome import Outcome, outcome_of
from pam_deploy_graph.system.masking import mask, masked

Values = dict[str, Any]

_ANY_NUMBER: Final = frozenset({"IP", "MESSAGE"})
"""可以有几个值的键；其余的各有一个。"""
_LIKE_TEXT: Final = (int, float, bool, type(None))
_LONGEST_REASON: Final = 2_000
NO_REASON: Final = msgid("后端没有说明原因")
"""失败而没有给出原因的，这样说。"""
_KEYS: Final = {name: (spec.gives, spec.may_give) for name, spec in ACTIONS.items()}
"""每个动作的应答要带的键、可有可无的键。"""


def _text(value: object) -> str:
    """一个值的文字：``None`` 是空串，真假照脚本的写法。"""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _shortened(reason: str) -> str:
    """太长的原因只留开头：它要进账本、报告与问题，不是放日志的地方。"""
    if len(reason) <= _LONGEST_REASON:
        return reason
    note = tr("…（共 {n} 个字符）", n=len(reason))
    return reason[: _LONGEST_REASON - len(note)] + note


@dataclass(slots=True)
class ActionResult:
    """一次动作的结果。

    ``ok`` 为真表示对方明确答复成功；``in_doubt`` 为真表示会改变外界的动作做没做不知道，不得当作失败重做。
    ``values`` 的键一律大写；``exit_code`` 用脚本后端的含义；``retry_after`` 是对方要求过多少秒再来；
    ``lacks`` 是对方说成功而应答里欠着的键。是哪种结果看 ``outcome``。
    """

    ok: bool
    action: str
    backend: str
    values: Values = field(default_factory=dict)
    error_summary: str = ""
    in_doubt: bool = False
    exit_code: int = 0
    retry_after: float | None = None
    lacks: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """做了、被拒绝、没有收下，还是不知道（contract 第 3 节「应答算什么」）。"""
        if self.ok:
            return Outcome.DONE
        if self.in_doubt:
            return Outcome.UNKNOWN
        # 别人写的后端多半不管退出码
        return outcome_of(self.exit_code) if self.exit_code else Outcome.REFUSED

    @classmethod
    def failure(
        cls,
        action: str,
        backend: str,
        reason: str,
        *,
        in_doubt: bool = False,
        exit_code: int = ScriptExit.REFUSED,
        values: Values | None = None,
        retry_after: float | None = None,
        lacks: tuple[str, ...] = (),
    ) -> Self:
        """构造一个失败（或结果未知）的结果；原因里的 NUL 换成转义的写法，数据库与终端都不收它。

        退出码说不知道的，会改变外界的动作就是 ``in_doubt``。
        """
        unknown = ACTIONS[action].changes and outcome_of(exit_code) is Outcome.UNKNOWN if action in ACTIONS else False
        return cls(
            ok=False,
            action=action,
            backend=backend,
            values=values or {},
            error_summary=reason.replace("\0", "\\0"),
            in_doubt=in_doubt or unknown,
            exit_code=exit_code,
            retry_after=retry_after,
            lacks=lacks,
        )

    def missing_keys(self) -> list[str]:
        """返回成功应答里欠缺的键（动作表的 ``gives``）。"""
        return [key for key in ACTIONS[self.action].gives if key not in self.values]

    def checked(self) -> Self:
        """返回核对过的结果。

        成功而缺少动作表要求的键、或键的值不成文字，不算成功：做没做不知道；失败总有一句原因，太长的截短。
        """
        if not self.ok:
            said = _shortened(self.error_summary) or tr(NO_REASON)
            return self if said == self.error_summary else replace(self, error_summary=said)
        values, (owed, more) = self.values, _KEYS[self.action]
        for key in owed:  # 每个动作都走这里：绝大多数应答看一眼就过
            if type(values.get(key)) is not str:
                return self._tidied()
        return self._tidied() if any(key in values for key in more) else self

    def _tidied(self) -> Self:
        """缺键、值不成文字的不算成功，其余的值写成文字。"""
        if missing := self.missing_keys():
            reason = tr("{action} 的应答缺少 {missing}", action=self.action, missing=", ".join(missing))
            return self._not_an_answer(reason, lacks=tuple(missing))
        single = [key for keys in _KEYS[self.action] for key in keys if key in self.values and key not in _ANY_NUMBER]
        other = {key: self.values[key] for key in single if not isinstance(self.values[key], str)}
        # SUCCESS 是什么都行：不是真就是假，由判断的人去说原因
        if odd := [key for key, value in other.items() if key != "SUCCESS" and not isinstance(value, _LIKE_TEXT)]:
            shown = tr("、").join(tr("{key}（{kind}）", key=key, kind=type(other[key]).__name__) for key in odd)
            return self._not_an_answer(tr("{action} 的应答里 {shown} 应为一个文字", action=self.action, shown=shown))
        return replace(self, values=self.values | {key: _text(other[key]) for key in other}) if other else self

    def _not_an_answer(self, reason: str, lacks: tuple[str, ...] = ()) -> Self:
        """对方说成功了，而应答不能用。"""
        return self.failure(
            self.action,
            self.backend,
            reason,
            exit_code=ScriptExit.UNKNOWN,
            values=self.values,
            lacks=lacks,
        )

    def masked(self) -> Self:
        """返回遮过秘密的结果：别人写的后端也可能把令牌原样带回来。"""
        values, summary = masked(self.values), mask(self.error_summary)
        same = values is self.values and summary == self.error_summary
        return self if same else replace(self, values=values, error_summary=summary)
