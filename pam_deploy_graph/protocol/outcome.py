"""一次调用的结果：什么情形算什么，对人怎么说；各段共用这一张表（contract 第 3 节「应答算什么」）。

脚本入口在进程外，自带一份抄本，由测试与这里的核对。
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from pydantic_core import from_json

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import Worded, msgid, tr


class Outcome(StrEnum):
    """一次调用的结果：做了，被拒绝（什么也没有发生），没有收下（可以再送），不知道（先去问）。"""

    DONE = "done"
    REFUSED = "refused"
    NOT_TAKEN = "not_taken"
    UNKNOWN = "unknown"


class Transport(StrEnum):
    """请求与应答走到了哪里：没有送出，送出之后断了，送出之后到了时限，应答完整。"""

    UNSENT = "unsent"
    BROKEN = "broken"
    TIMED_OUT = "timed_out"
    ANSWERED = "answered"


REFUSING: Final = frozenset({400, 404, 409, 413})
"""带着 PAM 自己的错误时，说明什么也没有发生的状态。"""
UNAUTHORISED: Final = frozenset({401, 403})
"""带着 PAM 自己的错误时，说明令牌不行的状态。"""
BUSY: Final = frozenset({429, 503})
"""没有收下的状态。"""
RETRY_AFTER_KEY: Final = "RETRY_AFTER"
"""各段往上交的键：对方要求过多少秒再来。"""

_NO_ANSWER: Final = {
    Transport.UNSENT: ScriptExit.NOT_TAKEN,
    Transport.BROKEN: ScriptExit.UNKNOWN,
    Transport.TIMED_OUT: ScriptExit.TIMEOUT,
}
_OUTCOMES: Final[dict[int, Outcome]] = {
    ScriptExit.DONE: Outcome.DONE,
    ScriptExit.USAGE: Outcome.REFUSED,
    ScriptExit.CONFIG: Outcome.REFUSED,
    ScriptExit.UNAUTHORISED: Outcome.REFUSED,
    ScriptExit.NOT_TAKEN: Outcome.NOT_TAKEN,
    ScriptExit.REFUSED: Outcome.REFUSED,
}
_ERROR_LINE: Final = re.compile(rb"^ERROR=(.*?)\r?$", re.MULTILINE)
ADVICE: Final[Worded[int]] = Worded(
    {
        ScriptExit.USAGE: "请核对 PAM_SCRIPT_ENTRY 指的脚本是否支持这个动作",
        ScriptExit.CONFIG: "请按上述原因改正参数后重试",
        ScriptExit.UNAUTHORISED: "请检查 PAM_TOKEN 是否有效、有没有权限",
        ScriptExit.NOT_TAKEN: "请检查到 PAM 的网络，以及 PAM 是否繁忙",
        ScriptExit.REFUSED: "请按 PAM 给出的原因处理",
        ScriptExit.TIMEOUT: "请检查 PAM 是否繁忙，或放宽时限",
        ScriptExit.UNKNOWN: "请检查 PAM 与它前面的代理",
    }
)
_ADVICE_UNKNOWN: Final = msgid("请查看脚本与跟踪文件")
_ADVICE_IN_DOUBT: Final = msgid("结果未知，请先查清实际状态，不要直接重做")


def classify(transport: Transport, status: int = 0, body: bytes = b"", *, complete: bool = True) -> ScriptExit:
    """判断一次 HTTP 调用的结果（纯函数）。

    Args:
        transport: 走到了哪里；不是 ``ANSWERED`` 的，其余几项不看。
        status: HTTP 状态。
        body: 应答的正文。
        complete: 2xx 的正文带齐了动作表要求的键。

    Returns:
        以脚本退出码写的结果，比 ``Outcome`` 多分出令牌不行与到了时限；``outcome_of`` 收成四种。

    """
    if transport is not Transport.ANSWERED:
        return _NO_ANSWER[transport]
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ScriptExit.DONE if complete else ScriptExit.UNKNOWN
    if status in BUSY:
        return ScriptExit.NOT_TAKEN
    if status in REFUSING | UNAUTHORISED and own_error(body):
        return ScriptExit.REFUSED if status in REFUSING else ScriptExit.UNAUTHORISED
    return ScriptExit.UNKNOWN


def outcome_of(code: int) -> Outcome:
    """一个退出码是哪种结果；约定之外的、被信号结束的（负数）都是不知道。"""
    return _OUTCOMES.get(code, Outcome.UNKNOWN)


def own_error(body: bytes) -> str:
    """返回正文里 PAM 自己写的原因：JSON 对象的 ``error``，或 ``ERROR=`` 行；代理的页面里没有，为空串。"""
    if lines := _ERROR_LINE.findall(body):
        return str(lines[-1].decode(errors="replace"))
    try:
        parsed = from_json(body)
    except ValueError:
        return ""
    said = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(said, dict):  # JSON-RPC 的写法
        said = said.get("message")
    return said if isinstance(said, str) else ""


def retry_after(text: str) -> float | None:
    """读懂 ``Retry-After``：秒数或 HTTP 日期；读不懂的为 ``None``。"""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def retry_after_in(values: Mapping[str, Any]) -> float | None:
    """各段交上来的键值里，对方要求过多少秒再来；没有为 ``None``。"""
    return retry_after(str(values.get(RETRY_AFTER_KEY, "")))


def explain(action: str, ip: str | None, reason: str, code: int, *, in_doubt: bool = False) -> str:
    """写成给人看的一句：哪个动作、哪台工作站、什么原因、怎么办。"""
    where = tr("（{ip}）", ip=ip) if ip else ""
    advice = tr(_ADVICE_IN_DOUBT) if in_doubt else ADVICE.get(code, tr(_ADVICE_UNKNOWN))
    return tr("{action}{where}：{reason}；{advice}", action=action, where=where, reason=reason, advice=advice)
