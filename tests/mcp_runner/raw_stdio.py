"""一个只用标准库的 stdio MCP 服务；第二个参数决定它怎样使坏。用法：``raw_stdio.py TOOLS.json MODE``。"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

TOOLS = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
MODE = sys.argv[2]
VALUES = {"IP": ["10.0.0.1"], "AIRPORT_CODE": "PEK", "MESSAGE": "done", "ONLINE": True, "RUNNING": True}
VALUES |= {"VERSION": "1.3.0", "LAST_KEY": ""}


def say(line: bytes) -> None:
    """写一行。"""
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def reply(number: object, result: dict[str, Any]) -> None:
    """答一个结果。"""
    say(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode())


def change_tools() -> None:
    """给 stop_ip 多加一个输入，并通知。"""
    tool = next(tool for tool in TOOLS if tool["name"] == "stop_ip")
    tool["inputSchema"]["properties"]["force"] = {"type": "boolean"}
    say(b'{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}')


def stop_ip(number: object) -> None:
    """会改变外界的那个工具：照 ``MODE`` 使坏。"""
    if MODE == "junk":
        say(b"Traceback (most recent call last):")
    elif MODE == "bytes":
        say(b"\xff\xfe\x00 not text")
    elif MODE == "big":
        say(b'{"x": "' + b"y" * (20 << 20) + b'"}')
    elif MODE == "die":
        sys.stderr.write(f"启动\n第二行\n\n磁盘满了\n令牌 {os.environ['PAM_TOKEN']} 不认得\n")
        sys.stderr.flush()
        os._exit(3)
    elif MODE == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif MODE == "deaf":
        time.sleep(60)
    else:
        reply(number, {"content": [], "structuredContent": VALUES})
    if MODE == "changes":
        change_tools()


def main() -> None:
    """一行一个消息，到标准输入关闭；``stubborn`` 关了也不走，``banner`` 在标准错误上也说个没完。"""
    if MODE == "banner":
        say(b"Starting server on stdio ...")
        sys.stderr.write("x" * (1 << 20))
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        number, method = request["id"], request["method"]
        if method == "initialize":
            version = request["params"]["protocolVersion"]
            info = {"name": "raw", "version": os.environ.get("PAM_TOKEN", "")[:6]}
            reply(number, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
        elif method == "tools/list":
            reply(number, {"tools": TOOLS})
        elif request["params"]["name"] == "stop_ip":
            stop_ip(number)
        else:
            reply(number, {"content": [], "structuredContent": VALUES})
    while MODE == "stubborn":
        time.sleep(1)


if __name__ == "__main__":
    main()
