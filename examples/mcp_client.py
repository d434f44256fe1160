"""任何 MCP 客户端经开发服务器自己的 ``/mcp`` 端点使用图。需要附加依赖 ``studio``。

它带得过来：一句话进去，图的全部状态出来，连同问题（``__interrupt__``）。
它带不过来：回答。每次调用都是一个用完就丢的会话，问题没有地方可答，所以经它部署不了任何东西；
要回答，用 SDK 或 ``RemoteGraph``。
"""

import ast
import asyncio
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

from examples.dev_server import DevServer
from examples.stage import REQUEST, open_stage


async def ask(url: str, text: str) -> tuple[list[str], dict[str, Any]]:
    """说一句话，返回工具名与图停下时的状态。"""
    async with (
        streamable_http_client(f"{url}/mcp") as (reader, writer, _),
        ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        names = [each.name for each in (await session.list_tools()).tools]
        result = await session.call_tool(names[0], {"messages": [{"role": "user", "content": text}]})
    (content,) = result.content
    if result.isError or not isinstance(content, TextContent):
        raise RuntimeError(f"工具没有答应：{content}")
    values: dict[str, Any] = ast.literal_eval(content.text)
    return names, values


def main() -> None:
    """预演、部署请求各一次：部署停在问题上，答不了，什么也没有改变。"""
    with open_stage() as stage, DevServer(stage.home, stage.env) as server:
        for text in ("预演把首都机场 checkin 应用的 gate 模块升级到 2.0.0", REQUEST):
            names, values = asyncio.run(ask(server.url, text))
            print(names, values.get("answer", "")[:60].replace("\n", " "))
            print("问题：", [one["value"]["ask"] for one in values.get("__interrupt__", [])])
        print("试验场里发生过的：", stage.lab.journal())


if __name__ == "__main__":
    main()
