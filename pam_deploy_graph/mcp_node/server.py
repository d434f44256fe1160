"""MCP 服务的主体：列出工具，做一次调用，把结果写成结构化内容。"""

import json
import math
from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.types import CallToolResult, TextContent, Tool
from pydantic import BaseModel, ValidationError

from pam_deploy_graph import __version__
from pam_deploy_graph.constants import ACTIONS, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_node.node_client import NodeClient, NodeError
from pam_deploy_graph.mcp_node.tools import TOOLS, NodeTool, explain
from pam_deploy_graph.mcp_runner.conventions import (
    ERROR_KEY,
    EXIT_CODE_KEY,
    IN_DOUBT_KEY,
    MAX_LOG_BYTES,
    TIME_LIMIT_META,
)
from pam_deploy_graph.models import Values
from pam_deploy_graph.protocol.outcome import RETRY_AFTER_KEY, Outcome, outcome_of

_NAME: Final = "pam-mcp-node"
_DEFAULT_LIMIT: Final = 600.0
_ROSTER: Final = TOOLS[ACTIONS["get-online-ips"].tool_name]


def build_server(node: NodeClient) -> Server[Any, Any]:
    """做一个 MCP 服务。

    Args:
        node: 已打开的 PAM_NODE。

    Returns:
        还没有接上传输的服务；工具出错时答 ``isError`` 和中文原因，从不抛出。

    """
    server: Server[Any, Any] = Server(_NAME, __version__, instructions="一个机场的 PAM_NODE：对共享工作站的部署动作。")
    performer = Performer(node)

    async def list_tools() -> list[Tool]:
        """全部工具。"""
        return [tool.describe() for tool in TOOLS.values()]

    async def call_tool(name: str, arguments: dict[str, Any]) -> CallToolResult:
        """做一次调用；输入由各工具自己的模型检查。"""
        return await performer.perform(name, arguments, _limit(server))

    # SDK 的这两个装饰器没有标注类型；SDK 的输入检查每次都要重验 schema，太贵，由模型代替。
    server.list_tools()(list_tools)  # type: ignore[no-untyped-call]  # SDK 没有标注
    server.call_tool(validate_input=False)(call_tool)
    return server


def _limit(server: Server[Any, Any]) -> float:
    """这次调用的时限，秒；调用者没有说就用默认的。"""
    meta = server.request_context.meta
    value = (meta.model_extra or {}).get(TIME_LIMIT_META) if meta else None
    return float(value) if isinstance(value, int | float) and 0 < value < _DEFAULT_LIMIT else _DEFAULT_LIMIT


class Performer:
    """做调用；记得本节点属于哪个机场。"""

    def __init__(self, node: NodeClient) -> None:
        """``node`` 是已打开的 PAM_NODE。"""
        self._node = node
        self._airport = ""

    async def perform(self, name: str, arguments: dict[str, Any], limit: float) -> CallToolResult:
        """检查输入，调用 PAM_NODE，写成结果。"""
        tool = TOOLS.get(name)
        if tool is None:
            return _refusal(
                tr("没有工具 {name}；有的是 {tools}", name=name, tools=tr("、").join(TOOLS)), ScriptExit.USAGE
            )
        try:
            given = tool.arguments.model_validate(arguments)
            await self._check_airport(given, limit)
            return await self._answer(tool, given.model_dump(), limit)
        except ValidationError as error:
            return _refusal(tr("{name} 的输入不合规则：{explain}", name=name, explain=explain(error)), ScriptExit.USAGE)
        except NodeError as error:
            return _refusal(str(error), error.code, values=error.values, later=error.later)

    async def _answer(self, tool: NodeTool, given: Values, limit: float) -> CallToolResult:
        """调用并写成结果。"""
        if "LOG_FILE" in tool.spec.gives:
            return await self._log(tool, given, limit)
        values = await self._node.call(tool.spec.route, given, limit)
        try:
            checked = tool.answer.model_validate(values).model_dump(exclude_unset=True)
        except ValidationError as error:
            keys = tr("、").join(str(detail["loc"][0]) for detail in error.errors())
            return _refusal(tr("PAM_NODE 的应答缺少或写错了 {keys}", keys=keys), ScriptExit.UNKNOWN)
        return _success(checked, json.dumps(checked, ensure_ascii=False))

    async def _log(self, tool: NodeTool, given: Values, limit: float) -> CallToolResult:
        """取日志：文本内容是日志本身，``LOG_FILE`` 只是建议的文件名，文件由调用者去写。"""
        text, cut = await self._node.read_log(tool.spec.route, given, limit)
        notice = tr("（日志太长，只取末尾 {max_log_bytes} 字节）\n", max_log_bytes=MAX_LOG_BYTES) if cut else ""
        return _success({"LOG_FILE": f"{given['ip'].replace(':', '_')}.log"}, notice + text)

    async def _check_airport(self, given: BaseModel, limit: float) -> None:
        """调用者说了机场就核对；第一次时向 PAM_NODE 问它属于哪个机场。"""
        wanted = getattr(given, "airport", "")
        if not wanted:
            return
        if not self._airport:
            try:
                values = await self._node.call(_ROSTER.spec.route, {}, limit)
            except NodeError as error:
                # 这一次只是查询，要做的动作还没有送出。
                unsent = outcome_of(error.code) is Outcome.UNKNOWN
                code = ScriptExit.NOT_TAKEN if unsent else error.code
                raise NodeError(str(error), code, values=error.values, later=error.later) from None
            self._airport = str(values.get("AIRPORT_CODE", ""))
        if wanted != self._airport:
            raise NodeError(
                tr("本节点属于机场 {airport}，不是 {wanted}", airport=self._airport or tr("（未知）"), wanted=wanted),
                ScriptExit.REFUSED,
            )


def _success(values: Values, text: str) -> CallToolResult:
    """成功的结果。"""
    return CallToolResult(content=[TextContent(type="text", text=text)], structuredContent=values)


def _refusal(
    reason: str, code: ScriptExit, *, values: Values | None = None, later: float | None = None
) -> CallToolResult:
    """失败的结果：文本内容是中文原因，结构化内容另有退出码、结果是否未知，以及要求过多少秒再来。"""
    unknown = outcome_of(code) is Outcome.UNKNOWN
    said = (values or {}) | {ERROR_KEY: reason, EXIT_CODE_KEY: int(code), IN_DOUBT_KEY: unknown}
    said |= {} if later is None else {RETRY_AFTER_KEY: math.ceil(later)}
    return CallToolResult(content=[TextContent(type="text", text=reason)], structuredContent=said, isError=True)
