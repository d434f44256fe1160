"""看一个服务的工具合不合用：动作表的 NODE 各行一个不少，输入我们给得出，要紧的输入它也收。"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mcp.types import Tool

from pam_deploy_graph.constants import ACTIONS, REQUIRED_PARAMS, ActionSpec, ScriptExit, Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.system.safe_text import show_value

Accepts = frozenset[str] | None
"""一个工具收哪些输入；``None`` 为没有说明，什么都收。"""

_MODULE: Final = ("airport", "app", "module", "version")
"""``REQUIRED_PARAMS`` 各项在工具里叫什么。"""
_BOOLEAN: Final = "stop_first"


def fit(tools: Iterable[Tool]) -> dict[str, Accepts]:
    """核对工具清单。

    Args:
        tools: 服务列出的工具；多出来的不管。

    Returns:
        动作名到它的工具收哪些输入。

    Raises:
        McpFault: 缺工具，或输入的 schema 不合；消息列出每一处。

    """
    listed = {tool.name: tool for tool in tools}
    wanted = [spec for spec in ACTIONS.values() if spec.side is Side.NODE]
    problems = [problem for spec in wanted for problem in _problems(spec, listed.get(spec.tool_name))]
    if problems:
        raise McpFault(tr("MCP 服务的工具不合用：") + tr("；").join(problems), ScriptExit.CONFIG)
    return {spec.name: _accepts(listed[spec.tool_name].inputSchema) for spec in wanted}


def fingerprint(tools: Iterable[Tool]) -> str:
    """我们用到的工具的指纹（SHA-256）：名字、输入与输出的 schema；说明文字改了不算变。"""
    names = {spec.tool_name for spec in ACTIONS.values() if spec.side is Side.NODE}
    used = {tool.name: [tool.inputSchema, tool.outputSchema] for tool in tools if tool.name in names}
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


def arguments_of(
    spec: ActionSpec, params: Mapping[str, str], options: Mapping[str, Any], accepts: Accepts
) -> dict[str, Any]:
    """组成一次调用的输入：我们有的、这个工具又收的。

    Raises:
        McpFault: 知道了才给的输入这一次给了，而这个工具不收：不说就成了别的意思。

    """
    lost = [
        name for name in spec.may_need if options.get(name) is not None and accepts is not None and name not in accepts
    ]
    if lost:
        raise McpFault(
            tr("MCP 服务的 {tool_name} 不收参数 {lost}，没有送出", tool_name=spec.tool_name, lost=tr("、").join(lost)),
            ScriptExit.CONFIG,
        )
    offered: dict[str, Any] = {name: params.get(key) for name, key in zip(_MODULE, REQUIRED_PARAMS, strict=True)}
    offered |= {name: options.get(name) for name in _own(spec)}
    return {
        name: value for name, value in offered.items() if value is not None and (accepts is None or name in accepts)
    }


def _own(spec: ActionSpec) -> tuple[str, ...]:
    """这个动作自己的输入。"""
    return (*spec.needs, *spec.may_need, *(("idempotency_key",) if spec.changes else ()))


def essential(spec: ActionSpec) -> tuple[str, ...]:
    """工具非收不可的输入：不收幂等键，重做就不安全。"""
    return (*spec.needs, *(("idempotency_key",) if spec.needs_intent else ()))


def _problems(spec: ActionSpec, tool: Tool | None) -> list[str]:
    """列出一个工具的不合之处。"""
    if tool is None:
        return [tr("缺少 {tool_name}", tool_name=spec.tool_name)]
    schema, offered = tool.inputSchema, (*_MODULE, *_own(spec))
    accepts = _accepts(schema)
    required = schema.get("required")
    unknown = [name for name in required if name not in offered] if isinstance(required, list) else []
    problems = [tr("{tool} 要求我们给不出的参数 {name}", tool=tool.name, name=show_value(name)) for name in unknown]
    if accepts is not None:
        problems += [
            tr("{tool} 不收参数 {name}", tool=tool.name, name=name) for name in essential(spec) if name not in accepts
        ]
        problems += [
            tr("{tool} 的参数 {name} 应为 {kind}", tool=tool.name, name=name, kind=_kind(name))
            for name in offered
            if name in accepts and not _takes(schema["properties"][name], _kind(name))
        ]
    return problems


def _accepts(schema: Mapping[str, Any]) -> Accepts:
    """从输入的 schema 看出收哪些。"""
    properties = schema.get("properties")
    if not properties and schema.get("additionalProperties", True) is not False:
        return None
    return frozenset(properties) if isinstance(properties, dict) else frozenset()


def _kind(name: str) -> str:
    """我们给的值的 JSON 类型。"""
    return "boolean" if name == _BOOLEAN else "string"


def _takes(schema: Any, kind: str) -> bool:
    """一个属性的 schema 收不收这种类型；没有说明类型的算收。"""
    if not isinstance(schema, dict):
        return schema is True
    if isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list):
        return any(_takes(each, kind) for each in choices)
    declared = schema.get("type", kind)
    return kind in declared if isinstance(declared, list) else declared == kind
