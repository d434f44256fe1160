"""一个不是我们写法的 stdio MCP 服务：SDK 的低层 ``Server``，宽松的 schema，自己的小世界。"""

import asyncio
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import Tool

from pam_deploy_graph.constants import ACTIONS, Side

NAMES = [*(spec.tool_name for spec in ACTIONS.values() if spec.side is Side.NODE), "reboot"]
server: Server[Any, Any] = Server("foreign")
world = {"version": "1.2.2", "previous": "", "running": True, "key": ""}


@server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]  # SDK 没有标注
async def list_tools() -> list[Tool]:
    """只说输入是对象；多一个没人要的工具。"""
    return [Tool(name=name, inputSchema={"type": "object"}) for name in NAMES]


@server.call_tool()  # type: ignore[untyped-decorator]  # SDK 没有标注
async def call_tool(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """照着自己的小世界回答；同一个键只做一次。"""
    if "idempotency_key" in arguments and arguments["idempotency_key"] != world["key"]:
        world["key"] = arguments["idempotency_key"]
        if name == "deploy_ip":
            world["previous"], world["version"] = world["version"], arguments["version"]
        if name == "rollback_ip":
            world["version"] = world["previous"]
        world["running"] = name in {"start_ip", "rollback_ip"}
    if name == "stop_ip" and arguments["ip"] == "10.0.0.9":
        raise RuntimeError("工作站没有电")
    return {
        "IP": ["10.0.0.1"],
        "AIRPORT_CODE": "PEK",
        "HASH_CODE": arguments.get("hash_code"),
        "MESSAGE": f"{name} done",
        "SUCCESS": "true",
        "VERSION": world["version"],
        "LOG_FILE": "x.log",
        "ONLINE": True,
        "RUNNING": world["running"],
        "LAST_KEY": world["key"],
    }


async def main() -> None:
    """服务到标准输入关闭。"""
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
