"""一个设置的值该是什么样：写成 pydantic 的类型；不合规则的抛 ``ValueError``，消息就是规则（contract 第 8 节）。"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator
from pydantic_core import ErrorDetails

from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.mcp_addresses import read_mcp_urls
from pam_deploy_graph.inputs.origins import Origin
from pam_deploy_graph.inputs.service_address import read_allowed, why_unusable
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.safe_text import show_value

_SHOWN: Final = frozenset({"pam_mcp_url", "pam_node_allow", "pam_otel", "pam_log_json"})
"""不合规则时可以把值写进消息的；其余的里面可能有口令。"""


def _node_allow(value: str) -> str:
    """看得懂才收。"""
    read_allowed(value)
    return value


def _usable(value: str) -> str:
    """令牌或密钥要交给它，绝不可用的地址不收。"""
    if value and (reason := why_unusable(value)):
        raise ValueError(reason)
    return value


def _without_secret(value: str) -> str:
    """地址会进日志与历史，里面不能有口令；别的规则在登记时看。"""
    if mask(value) != value:
        raise ValueError(tr("地址里不能有用户名、口令或像秘密的查询值，令牌请用 PAM_TOKEN"))
    return value


def _command(value: str) -> str:
    """程序要写绝对路径：绝不从碰巧站着的目录里取；参数里不能有秘密，谁都看得到。"""
    if mask(value) != value:
        raise ValueError(tr("命令里不能有令牌、口令或像秘密的查询值；服务从环境变量 PAM_TOKEN 拿到令牌"))
    try:
        words = shlex.split(value)
    except ValueError:
        raise ValueError(tr("引号不成对")) from None
    if value and not (words and Path(words[0]).is_absolute()):
        raise ValueError(tr("第一个词应是程序的绝对路径，例如 /usr/bin/python3"))
    return value


def _mcp_urls(value: str) -> str:
    """看得懂才收。"""
    read_mcp_urls(value)
    return value


def _matching(expression: str, rule: str) -> AfterValidator:
    """做一个「空着，或整串匹配」的检查。"""

    def check(value: str) -> str:
        """不匹配就报出规则。"""
        if value and not re.fullmatch(expression, value):
            raise ValueError(tr(rule))
        return value

    return AfterValidator(check)


Url = Annotated[
    str, _matching(r"https?://[!-~]+", msgid("应为 http:// 或 https:// 开头的地址")), AfterValidator(_usable)
]
Command = Annotated[str, AfterValidator(_command)]
McpUrl = Annotated[str, AfterValidator(_mcp_urls)]
NodeAllow = Annotated[str, AfterValidator(_node_allow)]
StoreUrl = Annotated[
    str,
    _matching(r"sqlite:///.+|postgresql(\+psycopg)?://.*", msgid("应为 sqlite:///文件 或 postgresql://用户@主机/库")),
]

HomeUrl = Annotated[str, AfterValidator(_without_secret)]


def explain(detail: ErrorDetails, known: Mapping[str, Origin]) -> str:
    """说明一处错误：哪里的哪个设置、什么值、什么规则。"""
    name = str(detail["loc"][0])
    shown = tr("的值 {input} ", input=show_value(detail["input"])) if name in _SHOWN else ""
    rule = detail.get("ctx", {}).get("error", detail["msg"])
    rule = tr("应为 true 或 false") if detail["type"].startswith("bool") else rule
    where = tr("{text} 里的", text=known[name].text) if name in known else tr("环境变量")
    return tr("{where} {name} {shown}不合规则：{rule}", where=where, name=name.upper(), shown=shown, rule=rule)
