"""读服务器推送事件（SSE）里的 JSON-RPC 消息。"""

from collections.abc import AsyncIterator

import aiohttp
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault, too_big
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES


async def read_events(response: aiohttp.ClientResponse) -> AsyncIterator[JSONRPCMessage]:
    """逐个给出一个流里的消息，到流结束；没有内容的事件略过。

    Raises:
        McpFault: 一个事件太长，或者内容不是 JSON-RPC。
        aiohttp.ClientError: 流断了。

    """
    data = bytearray()
    async for line in _lines(response):
        if line:
            if line.startswith(b"data:"):
                data += line[5:].removeprefix(b" ") + b"\n"
            if len(data) > MAX_ANSWER_BYTES:
                raise too_big()
        elif data.strip():
            yield _message(bytes(data))
            data.clear()


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """逐行给出，不带行尾；一行太长就不读了。"""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(rest) > MAX_ANSWER_BYTES:
            raise too_big()


def _message(data: bytes) -> JSONRPCMessage:
    """读懂一个事件的内容。"""
    try:
        return JSONRPCMessage.model_validate_json(data)
    except ValidationError:
        raise McpFault(tr("MCP 服务的事件（{n} 字节）不是 JSON-RPC", n=len(data)), ScriptExit.UNKNOWN) from None
