"""经服务器回答：没有送到的、没有收下的、收没收下不知道的，各说各的，绝不把不知道说成没有事（contract 第 3 节）。"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.graph.remote import Question, ServerThread

QUESTION: dict[str, Any] = {"id": "q", "value": {"ask": "approve_plan", "digest": "d" * 64}}
STATE = {"values": {}, "next": [], "tasks": [{"interrupts": [QUESTION]}]}


class _Server(BaseHTTPRequestHandler):
    """会话都在；推进一步的请求读完了才照 ``answer`` 办：一个状态，或者 ``None`` 就断开。"""

    answer: int | None = None

    def do_GET(self) -> None:
        """会话与它的状态。"""
        self._send(200, STATE if "/state" in self.path else {"thread_id": "t"})

    def do_POST(self) -> None:
        """新会话；推进一步。"""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.partition("?")[0].endswith("/runs/wait"):
            self._send(200, {"thread_id": "t"})
        elif self.answer is None:
            self.close_connection = True
        else:
            self._send(self.answer, {"error": "x"})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        """答一份 JSON。"""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """安静。"""


@contextmanager
def serving(answer: int | None) -> Iterator[str]:
    """开着的服务器的地址。"""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (_Server,), {"answer": answer}))
    with server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "也许已经作数"),
        *((code, "也许已经作数") for code in (500, 502, 504)),
        *((code, "没有收下") for code in (429, 503)),
        (401, "拒绝了：HTTP 401"),
    ],
)
def test_an_answer_that_came_back_spoiled(answer: int | None, said: str) -> None:
    """送出之后断了、5xx：也许已经作数；没有收下的、拒绝了的照实说。"""
    with serving(answer) as url, ServerThread(url) as thread:
        with pytest.raises(PamError, match=said) as caught:
            thread.answer(Question("q", QUESTION["value"]), "approve")
        assert "不受影响" not in str(caught.value)
