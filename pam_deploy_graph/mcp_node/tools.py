"""工具：由动作表的 NODE 各行派生出名字、输入输出的模型和注解。"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, Final

from mcp.types import Tool, ToolAnnotations
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError, create_model
from pydantic_core import ErrorDetails

from pam_deploy_graph.constants import ACTIONS, ANSWER_KINDS, ActionSpec, Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.value_rules import AirportCode, Name, Version
from pam_deploy_graph.system.safe_text import show_value

_MAX_KEY: Final = 255


def _address(text: str) -> str:
    """检查一个真实的 IP 地址，返回规范写法。"""
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(tr("应为真实的 IP 地址")) from None


_INPUTS: Final[dict[str, Any]] = {
    "airport": (AirportCode, Field("", description="机场代码；给出时必须是本节点的机场")),
    "app": (Name, Field(description="应用名")),
    "module": (Name, Field(description="模块名")),
    "version": (Version, Field(description="版本号")),
    "hash_code": (str, Field(pattern="^[0-9a-f]{64}$", description="安装包的 SHA-256，小写十六进制")),
    "ip": (Annotated[str, AfterValidator(_address)], Field(description="工作站的 IP 地址")),
    "stop_first": (StrictBool, Field(description="回滚之前先停止正在运行的版本")),
    "to_version": (Version | None, Field(None, description="退回哪个版本；不给则退回这次运行动手之前的版本")),
    "idempotency_key": (
        str,
        Field(pattern="^[!-~]+$", max_length=_MAX_KEY, description="幂等键；结果未知时用同一个键重试"),
    ),
}


@dataclass(frozen=True, slots=True)
class NodeTool:
    """一个工具：动作、输入与输出的模型。"""

    spec: ActionSpec
    arguments: type[BaseModel]
    answer: type[BaseModel]

    def describe(self) -> Tool:
        """返回 ``tools/list`` 里的一项。"""
        about = self.spec.tool_about or self.spec.about
        return Tool(
            name=self.spec.tool_name,
            title=about.partition("；")[0],
            description=about,
            inputSchema=self.arguments.model_json_schema(),
            outputSchema=self.answer.model_json_schema(),
            annotations=ToolAnnotations(
                readOnlyHint=not self.spec.changes,
                destructiveHint=self.spec.changes and not self.spec.additive,
                idempotentHint=True,  # 同样的参数含同一个幂等键
                openWorldHint=False,
            ),
        )


def _tool(spec: ActionSpec) -> NodeTool:
    """由动作表的一行做出工具。"""
    route = spec.route
    keyed = ("idempotency_key",) if spec.changes else ()
    names = dict.fromkeys(("airport", *route.body, *route.query, *spec.needs, *spec.may_need, *keyed))
    title = spec.tool_name.title().replace("_", "")
    fields: dict[str, Any] = {name: _INPUTS[name] for name in names}
    fields |= {name: (Name, Field("", description=_INPUTS[name][1].description)) for name in route.query}
    owed: dict[str, Any] = {key: (ANSWER_KINDS.get(key, str), ...) for key in spec.gives}
    if "ONLINE" in spec.gives:  # 离线的工作站，运行没有、是什么版本都不知道
        owed |= {"RUNNING": (bool | None, ...), "VERSION": (str | None, ...)}
    owed |= dict.fromkeys(spec.may_give, (str | None, None))
    arguments = create_model(f"{title}Input", __config__=ConfigDict(extra="forbid"), **fields)
    return NodeTool(spec, arguments, create_model(f"{title}Output", **owed))


TOOLS: Final = {spec.tool_name: _tool(spec) for spec in ACTIONS.values() if spec.side is Side.NODE}
"""工具名到工具，按动作表的顺序。"""


def explain(error: ValidationError) -> str:
    """把输入的每一处错误写成中文：参数、值、规则。"""
    return tr("；").join(_explain(detail) for detail in error.errors())


def _explain(detail: ErrorDetails) -> str:
    """说明一处错误。"""
    name = ".".join(map(str, detail["loc"])) or tr("输入")
    kind = detail["type"]
    if kind == "missing":
        return tr("缺少参数 {name}", name=name)
    if kind == "extra_forbidden":
        return tr("不认识的参数 {name}", name=show_value(name))
    rules = {
        "string_pattern_mismatch": tr("不合规定的写法"),
        "string_too_long": tr("最多 {max_key} 个字符", max_key=_MAX_KEY),
        "string_type": tr("应为文本"),
        "bool_type": tr("应为 true 或 false"),
    }
    rule = rules.get(kind) or detail.get("ctx", {}).get("error", detail["msg"])
    return tr("参数 {name} 的值 {input} 不合规则：{rule}", name=name, input=show_value(detail["input"]), rule=rule)
