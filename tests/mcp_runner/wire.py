"""回环上的一个假 MCP 服务：握手照规矩，工具调用按编排逐字节回答，用来造各种坏答复。"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pam_deploy_graph.mcp_node.tools import TOOLS
from tests.patience import patience

Reply = dict[str, Any]
Scene = Callable[["Exchange"], None]


def node_tools() -> list[dict[str, Any]]:
    """随包的 MCP 服务列出的工具。"""
    return [tool.describe().model_dump(mode="json", by_alias=True, exclude_none=True) for tool in TOOLS.values()]


@dataclass
class WireMcp:
    """服务的编排与记录；没有编排的工具照常成功。"""

    url: str
    tools: list[dict[str, Any]] = field(default_factory=node_tools)
    airport: str = "PEK"
    online: list[str] = field(default_factory=lambda: ["10.0.0.1"])
    scenes: dict[str, Scene] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    opened: int = 0
    tokens: set[str] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: dict[str, Any]) -> Reply:
        """对一个请求照规矩的答复。"""
        if request["method"] == "initialize":
            self.opened += 1
            version = request["params"]["protocolVersion"]
            return {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "wire", "version": "1"},
            }
        if request["method"] == "tools/list":
            return {"tools": self.tools}
        return success(self, request["params"]["name"])

    def changing_calls(self) -> list[str]:
        """收到的、会改变外界的调用。"""
        return [name for name, _ in self.calls if TOOLS[name].spec.changes]


@dataclass
class Exchange:
    """一次正在进行的调用。"""

    handler: BaseHTTPRequestHandler
    server: WireMcp
    number: Any

    def json(self, body: Any, status: int = 200, **headers: str) -> None:
        """答一个 JSON。"""
        self.raw(json.dumps(body).encode(), status=status, headers=headers)

    def result(self, result: Reply) -> None:
        """答一个 JSON-RPC 结果。"""
        self.json({"jsonrpc": "2.0", "id": self.number, "result": result})

    def error(self, code: int, message: str) -> None:
        """答一个 JSON-RPC 错误。"""
        self.json({"jsonrpc": "2.0", "id": self.number, "error": {"code": code, "message": message}})

    def raw(
        self,
        body: bytes,
        *,
        status: int = 200,
        kind: str = "application/json",
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """答任意字节；``length`` 可以故意写错。"""
        self.handler.send_response(status)
        for name, value in (headers or {}).items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Type", kind)
        self.handler.send_header("Content-Length", str(len(body) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(body)
        if length is not None:
            self.handler.close_connection = True

    def hang_up(self) -> None:
        """不作答，断开。"""
        self.handler.close_connection = True

    def silent(self) -> None:
        """一直不作答。"""
        self.server.stopping.wait(patience(10))

    def trickle(self) -> None:
        """每 50 毫秒给一个字节，没完没了。"""
        self.raw(b"", length=1_000_000)
        while not self.server.stopping.is_set():
            self.handler.wfile.write(b" ")
            self.handler.wfile.flush()
            time.sleep(0.05)


def success(server: WireMcp, tool: str) -> Reply:
    """一个工具照常的成功答复。"""
    values: dict[str, Any] = {"IP": server.online, "AIRPORT_CODE": server.airport, "HASH_CODE": "0" * 64}
    values |= {"SUCCESS": True, "ONLINE": True, "RUNNING": True, "LOG_FILE": "../../evil.log"}
    owed = {key: values.get(key, "done") for key in TOOLS[tool].spec.gives}
    return {"content": [{"type": "text", "text": "the log\n"}], "structuredContent": owed}


def _handler_of(server: WireMcp) -> type[BaseHTTPRequestHandler]:
    """为一个服务做请求处理器。"""

    class Handler(BaseHTTPRequestHandler):
        """一个连接。"""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """一个 JSON-RPC 消息。"""
            server.tokens.add(self.headers.get("Authorization", ""))
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            exchange = Exchange(self, server, request.get("id"))
            if "id" not in request:
                exchange.raw(b"", status=202)
                return
            scene = None
            if request["method"] == "tools/call":
                server.calls.append((request["params"]["name"], request["params"]["arguments"]))
                scene = server.scenes.get(request["params"]["name"])
            with contextlib.suppress(OSError):
                if scene is None:
                    exchange.result(server.answer(request))
                else:
                    scene(exchange)

        def do_GET(self) -> None:
            """没有推送流。"""
            Exchange(self, server, None).raw(b"", status=405)

        def log_message(self, *_args: object) -> None:
            """安静。"""

    return Handler


@contextlib.contextmanager
def wire_mcp() -> Iterator[WireMcp]:
    """在 127.0.0.1 的一个空闲端口上运行服务。"""
    server = WireMcp("")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(server)) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_address[1]}/mcp"
        serving = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.stopping.set()
            http.shutdown()
            serving.join(patience(5))
