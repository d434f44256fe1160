"""一个设置的值该是什么样：写成 pydantic 的类型；不合规则的抛 ``ValueError``，消息就是规则（contract 第 8 节）。"""

import re
from typing import Annotated

from pydantic import AfterValidator

from pam_deploy_graph.inputs.service_address import read_allowed, why_unusable
from pam_deploy_graph.system.masking import mask


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
        raise ValueError("地址里不能有用户名、口令或像秘密的查询值，令牌请用 PAM_TOKEN")
    return value


def _matching(expression: str, rule: str) -> AfterValidator:
    """做一个「空着，或整串匹配」的检查。"""

    def check(value: str) -> str:
        """不匹配就报出规则。"""
        if value and not re.fullmatch(expression, value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


Url = Annotated[str, _matching(r"https?://[!-~]+", "应为 http:// 或 https:// 开头的地址"), AfterValidator(_usable)]
NodeAllow = Annotated[str, AfterValidator(_node_allow)]
StoreUrl = Annotated[
    str, _matching(r"sqlite:///.+|postgresql(\+psycopg)?://.*", "应为 sqlite:///文件 或 postgresql://用户@主机/库")
]

HomeUrl = Annotated[str, AfterValidator(_without_secret)]
