"""PAM 前面的一个代理：照编排弄坏应答，别的原样转发；一台工作站的一个动作弄坏几次。"""

import contextlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PLACE = re.compile(r"/api/workstations/([0-9.]+)/(stop|deploy|start|rollback)$")
_GLOBAL = {("PUT", "packages"): "upload", ("POST", "versions"): "publish", ("POST", "sync"): "sync"}
_BACKLOG = 256


@dataclass(frozen=True)
class Fault:
    """弄坏的办法。

    ``status`` 转发之后改答这个状态和一页 HTML；``head``、``body`` 转发之后只送出应答头、正文的前几个字节；
    ``reset`` 转发之后重置；``early`` 不转发就重置；``busy`` 不转发，答这个状态；
    ``refuse`` 不转发，照 PAM 的写法答这个状态与原因；``twice`` 转发两次，答后一个；
    ``slow`` 转发之后一个字节一个字节地答，每个字节隔几毫秒；``mute`` 转发之后不答也不断（半开）；
    ``gone`` 原样答了，然后这么多毫秒不听，谁来都被拒绝连接。
    """

    kind: str
    value: int = 0


@dataclass
class Proxy:
    """一个上游；``faults`` 以 ``(工作站, 动词)`` 为键，全局的动作是 ``(版本, 动词)``，用一次少一次。"""

    upstream: str
    url: str = ""
    faults: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    replace: dict[str, str] = field(default_factory=dict)
    used: int = 0
    away: Callable[[Callable[[], object]], None] = lambda _until: None
    """不听，直到给它的函数返回。"""

    def take(self, method: str, path: str, body: bytes) -> Fault | None:
        """这个请求该怎样弄坏；不弄坏的为 ``None``。"""
        place = _PLACE.search(path)
        parts = path.split("/")
        verb = _GLOBAL.get((method, parts[2])) if path.startswith("/api/") else None
        key = (place[1], place[2]) if place else _whole(verb, parts[-1], body) if verb else _called(body)
        left = self.faults.get(key) if key else None
        if not left:
            return None
        self.used += 1
        return left.pop(0)


def _whole(verb: str, last: str, body: bytes) -> tuple[str, str]:
    """全局的动作说的是哪一版：上传的在路径末尾，其余在正文里。"""
    return (last if verb == "upload" else str(json.loads(body)["version"])), verb


def _called(body: bytes) -> tuple[str, str] | None:
    """MCP 的 ``tools/call`` 调的是哪台（全局的是哪一版）的哪个动词。"""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        params = json.loads(body)["params"]
        given = params["arguments"]
        return given.get("ip") or given["version"], params["name"].removesuffix("_ip").removesuffix("_node")
    return None


class _Handler(BaseHTTPRequestHandler):
    """一个连接。"""

    proxy: Proxy

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """转发一个请求，或者弄坏它。"""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.take(self.command, self.path, body)
        if fault and fault.kind == "early":
            self.cut(b"")
        elif fault and fault.kind == "busy":
            self.deliver(fault.value, [("Retry-After", "1")], b"<html>busy</html>")
        elif fault and fault.kind == "refuse":
            self.deliver(fault.value, [("Content-Type", "text/plain")], "ERROR=令牌过期\n".encode())
        else:
            status, headers, answer = self.forward(body)
            if fault and fault.kind == "twice":
                status, headers, answer = self.forward(body)
            self.spoil(fault, status, headers, answer)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815  标准库的名字

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """交给上游，取回应答；地址照编排改写，``Host`` 像反向代理那样换成上游的：``mcp-node`` 核对它。"""
        where = urlsplit(self.proxy.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        with contextlib.closing(http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)) as link:
            link.request(self.command, self.path, body, headers | {"Host": where.netloc})
            response = link.getresponse()
            answer = response.read()
        for old, new in self.proxy.replace.items():
            answer = answer.replace(old.encode(), new.encode())
        dropped = {"content-length", "transfer-encoding", "connection"}
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in dropped]
        return response.status, kept, answer

    def spoil(self, fault: Fault | None, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
        """弄坏应答；不弄坏的原样给。"""
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        if fault is None or fault.kind == "twice":
            self.deliver(status, headers, answer)
        elif fault.kind == "status":
            self.deliver(fault.value, [("Content-Type", "text/html")], b"<html>proxy</html>")
        elif fault.kind == "head":
            self.cut(head.encode()[: fault.value])
        elif fault.kind == "body":
            self.cut(head.encode() + answer[: min(fault.value, len(answer) - 1)])
        elif fault.kind == "gone":
            self.deliver(status, headers, answer)
            self.wfile.flush()
            self.close_connection = True
            self.proxy.away(lambda: threading.Event().wait(fault.value / 1000))
        elif fault.kind == "slow":
            for byte in head.encode() + answer:
                self.wfile.write(bytes([byte]))
                threading.Event().wait(fault.value / 1000)
        elif fault.kind == "mute":
            self.rfile.read(1)
            self.close_connection = True
        else:
            self.cut(b"")

    def deliver(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
        """给一个完整的应答。"""
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(answer)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def cut(self, sent: bytes) -> None:
        """送出这些就断；什么也没有送的是重置。"""
        if sent:
            self.wfile.write(sent)
            self.wfile.flush()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """安静。"""

    def log_error(self, *_args: object) -> None:
        """安静。"""


class _Quiet(ThreadingHTTPServer):
    """断了的连接不往标准错误写。"""

    daemon_threads = True
    request_queue_size = _BACKLOG

    def handle_error(self, *_args: object) -> None:
        """对方走了，常有的事。"""

    def away(self, until: Callable[[], object]) -> None:
        """不听了，``until`` 返回之后再听：Linux 上关掉读的一半，端口还是它的，来连的被拒绝。"""
        self.socket.shutdown(socket.SHUT_RD)
        try:
            until()
        finally:
            self.socket.listen(_BACKLOG)


@contextlib.contextmanager
def proxy_of(upstream: str) -> Iterator[Proxy]:
    """在 127.0.0.1 的一个空闲端口上运行一个代理。"""
    proxy = Proxy(upstream)
    with socket.create_server(("127.0.0.1", 0)) as found:  # 自己点名的端口，``away`` 之后才还是它
        where = found.getsockname()
    with _Quiet(where, type("Handler", (_Handler,), {"proxy": proxy})) as server:
        server.socket.settimeout(0)  # 说有人来而又没有来的（``away`` 的前后），不在 accept 里等下去
        proxy.away = server.away
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            serving.join(5)
