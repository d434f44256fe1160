"""一个参数值该是什么样：每种值一条规则，写成 pydantic 的类型（依据 contract 第 2、6 节）。

不合规则的抛出 ``ValueError``，消息就是那条规则；哪个参数、什么值由 ``scope`` 说明。
检查只认半角字符：全角的归一化是语言层的事。
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from pam_deploy_graph.constants import MAX_SECONDS
from pam_deploy_graph.constants.backends import sides_of
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.inputs.service_address import why_unusable

_MAX_PATH: Final = 4_096
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RUN_ID_RULE: Final = msgid("以字母或数字开头，只含字母、数字、_、.、-，最多 64 个字符")


def _text(value: object) -> str:
    """把 str 或 int 变成文本；其余类型拒绝。"""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(tr("应为文本或整数（JSON 里的版本号请加引号）"))  # noqa: TRY004 —— pydantic 只收 ValueError
    return str(value).strip(" \t")


def _pattern(expression: str, rule: str) -> Callable[[str], str]:
    """做一个「整串匹配且不含 ..」的检查。"""
    compiled = re.compile(expression)

    def check(value: str) -> str:
        """不匹配就报出规则。"""
        if not compiled.fullmatch(value) or ".." in value:
            raise ValueError(tr(rule))
        return value

    return check


def integer(minimum: int, maximum: int | None) -> Callable[[object], int]:
    """做一个「范围内的十进制整数」的检查；``maximum`` 为 ``None`` 是没有上限。"""

    def check(value: object) -> int:
        """接受 int 或十进制数字文本。"""
        text = value if isinstance(value, str) else repr(value)
        fits = bool(re.fullmatch(r"-?[0-9]{1,9}", text)) and minimum <= int(text)
        if not fits or (maximum is not None and int(text) > maximum):
            limit = (
                tr("不小于 {minimum} ", minimum=minimum)
                if maximum is None
                else tr(" {minimum} 到 {maximum} ", minimum=minimum, maximum=maximum)
            )
            raise ValueError(tr("应为{limit}的整数", limit=limit))
        return int(text)

    return check


def optional(check: Callable[[object], int]) -> Callable[[object], int | None]:
    """让一个检查也接受 ``None``。"""
    return lambda value: None if value is None else check(value)


def _url(value: str) -> str:
    """检查 http(s) 地址：有主机，不带用户名密码、查询串和片段。"""
    rule = tr("应为 http:// 或 https:// 开头的地址，含主机名，不带用户名、密码、? 和 #")
    try:
        parts = urlsplit(value)
        usable = bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]{1,2048}", value) or re.search(r"[@?#\\]", value):
        raise ValueError(rule)
    if reason := why_unusable(value):
        raise ValueError(reason)
    return value


def _path(value: str) -> str:
    """检查安装包路径：不含控制字符，长度有限；空串表示没有给。"""
    if len(value) > _MAX_PATH or not (value + " ").isprintable():
        raise ValueError(tr("应为不含控制字符的路径，最多 {max_path} 个字符", max_path=_MAX_PATH))
    return value


def _strategy(value: object) -> str:
    """检查执行策略的名字。"""
    try:
        sides_of(str(value))
    except ValueError as error:
        raise ValueError(str(error).partition(tr("，"))[2]) from None
    return str(value)


def check_run_id(value: str) -> str:
    """检查运行名；不合规则抛 ``ValueError``。"""
    if not _RUN_ID.fullmatch(value):
        raise ValueError(tr(_RUN_ID_RULE))
    return value


_NAME = _pattern(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", msgid("以字母或数字开头，只含字母、数字、_、.、-，最多 64 个字符，不含 ..")
)
_VERSION = _pattern(
    r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}", msgid("以字母或数字开头，只含字母、数字、.、_、+、-，最多 64 个字符，不含 ..")
)
_AIRPORT = _pattern(r"[A-Za-z]{3}", msgid("应为 3 个英文字母的 IATA 机场代码，例如 PEK"))


def _shape(expression: str, most: int) -> Any:
    """同样的规则写成 JSON Schema，供 OpenAPI 文档与 MCP 工具。"""
    return Field(json_schema_extra={"pattern": f"^{expression}$", "maxLength": most})


AirportCode = Annotated[
    str, BeforeValidator(_text), AfterValidator(_AIRPORT), AfterValidator(str.upper), _shape("[A-Za-z]{3}", 3)
]
Name = Annotated[
    str, BeforeValidator(_text), AfterValidator(_NAME), _shape(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\.?", 64)
]
Version = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_VERSION),
    _shape(r"[0-9A-Za-z][0-9A-Za-z_+-]*(\.[0-9A-Za-z_+-]+)*\.?", 64),
]
Url = Annotated[str, BeforeValidator(_text), AfterValidator(_url)]
Path = Annotated[str, AfterValidator(_path)]
Seconds = Annotated[str, BeforeValidator(_text), AfterValidator(integer(1, MAX_SECONDS)), AfterValidator(str)]
Scope = Annotated[list[str], BeforeValidator(expand_ips)]
RunId = Annotated[str, AfterValidator(check_run_id)]
Strategy = Annotated[str, BeforeValidator(_strategy)]
