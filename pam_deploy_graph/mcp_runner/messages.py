"""会话里来去的消息：列工具、调用工具，读懂服务自己答的错误。"""

from typing import Any, Final

from mcp import ClientSession, McpError
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    ClientRequest,
    ListToolsRequest,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
)

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.conventions import TIME_LIMIT_META

_MOST_PAGES: Final = 20
_NOT_DONE: Final = (PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS)
"""答了这些错误的请求肯定没有做。"""


async def list_tools(session: ClientSession) -> list[Tool]:
    """列出服务的全部工具；页数有上限。"""
    tools: list[Tool] = []
    cursor = None
    for _ in range(_MOST_PAGES):
        request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor))
        page = await session.send_request(ClientRequest(request), ListToolsResult)
        tools += page.tools
        if not (cursor := page.nextCursor):
            break
    return tools


def call_request(tool: str, arguments: dict[str, Any], limit: float) -> ClientRequest:
    """组成一次工具调用；时限（秒）告诉服务，它对 PAM_NODE 的调用也就不会没完。"""
    meta: dict[str, Any] = {TIME_LIMIT_META: limit}
    params = CallToolRequestParams(name=tool, arguments=arguments, _meta=meta)
    return ClientRequest(CallToolRequest(params=params))


def refusal_of(error: McpError) -> McpFault:
    """读懂服务自己答的 JSON-RPC 错误。"""
    code = error.error.code
    reason = tr("MCP 服务回答错误 {code}：{message}", code=code, message=error.error.message)
    return McpFault(reason, ScriptExit.REFUSED if code in _NOT_DONE else ScriptExit.UNKNOWN)
