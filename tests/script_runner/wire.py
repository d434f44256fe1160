"""回环上的一个裸 HTTP 服务：记下收到的请求，按编排逐字节回答，用来造各种网络故障。"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.patience import patience

Answer = bytes | Callable[[socket.socket], None]


@dataclass(frozen=True)
class Request:
    """收到的一个请求；``headers`` 的键为小写。"""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WirePam:
    """服务的地址、编排和记录；没有编排的路径答 404。"""

    url: str
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, method: str, path: str, answer: Answer) -> None:
        """编排一个路径（含查询串）的回答。"""
        self.answers[method, path] = answer

    def handle(self, connection: socket.socket) -> None:
        """接一个请求，作一次回答，关闭连接。"""
        with connection, contextlib.suppress(OSError):
            request = _read(connection)
            self.requests.append(request)
            answer = self.answers.get((request.method, request.path), reply(404, "ERROR=没有这个路径\n"))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)


def reply(status: int, body: str | bytes = "", *headers: str, length: int | None = None) -> bytes:
    """拼出一个应答；``length`` 可以故意写错。"""
    content = body.encode() if isinstance(body, str) else body
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@contextlib.contextmanager
def wire_pam() -> Iterator[WirePam]:
    """在 127.0.0.1 的一个空闲端口上运行服务。"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        pam = WirePam(f"http://127.0.0.1:{server.getsockname()[1]}")
        accepting = threading.Thread(target=_accept, args=(server, pam), daemon=True)
        accepting.start()
        try:
            yield pam
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join(patience(5))


def closed_port() -> str:
    """返回一个没有人听的地址。"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """给出一个连不上也不拒绝的地址：监听队列已满，内核丢弃新的连接请求。"""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 —— 标准库的签名
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def hang(_connection: socket.socket, seconds: float = 5.0) -> None:
    """收下请求，一直不答，直到对方断开。"""
    _connection.settimeout(seconds)
    _connection.recv(1)


def reset(connection: socket.socket) -> None:
    """收下请求之后重置连接。"""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _accept(server: socket.socket, pam: WirePam) -> None:
    """一个连接一个线程，直到监听关闭。"""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=pam.handle, args=(connection,), daemon=True).start()


def _read(connection: socket.socket) -> Request:
    """读完一个带 Content-Length 的请求。"""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or _gone()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if headers.get("expect") == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536) or _gone()
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


def _gone() -> bytes:
    """对方断开了。"""
    raise ConnectionError
