"""照剧本回答的 OpenAI 兼容服务：真的走 HTTP，一次请求用掉剧本里的一幕。"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Scene:
    """一幕：回答的内容、HTTP 状态、回答之前等几秒、以函数调用还是正文回答、是不是不问自流；原样的正文与另加的头。"""

    content: Any = None
    status: int = 200
    delay: float = 0.0
    as_tool: bool = False
    stream: bool = False
    raw: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class ScriptedModel:
    """剧本与收到的请求。"""

    scenes: list[Scene]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    def reply(self, scene: Scene) -> dict[str, Any]:
        """写成 chat.completion 的样子。"""
        text = scene.content if isinstance(scene.content, str) else json.dumps(scene.content, ensure_ascii=False)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if scene.as_tool:
            name = self.requests[-1]["tools"][0]["function"]["name"]
            call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}

    def body(self, scene: Scene) -> tuple[str, bytes]:
        """应答的类型与正文；流式的一次给一小段。"""
        if scene.raw:
            return "application/json", scene.raw
        if scene.status != HTTPStatus.OK:
            return "application/json", json.dumps({"error": {"message": "x"}}).encode()
        whole = self.reply(scene)
        if not scene.stream:
            return "application/json", json.dumps(whole).encode()
        text = whole["choices"][0]["message"]["content"]
        deltas = [{"role": "assistant", "content": text[i : i + 40]} for i in range(0, len(text), 40)]
        chunks = [{**whole, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": d}]} for d in deltas]
        lines = [*(f"data: {json.dumps(chunk)}" for chunk in chunks), "data: [DONE]"]
        return "text/event-stream", "".join(f"{line}\n\n" for line in lines).encode()


@contextmanager
def serve(*scenes: Scene) -> Iterator[ScriptedModel]:
    """在本机的空闲端口上演一遍剧本；演完了再来请求就回 500。"""
    model = ScriptedModel(list(scenes))

    class Handler(BaseHTTPRequestHandler):
        """逐个请求回答。"""

        def do_POST(self) -> None:
            """用掉一幕。"""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            model.requests.append(json.loads(body))
            model.headers.append({name.lower(): value for name, value in self.headers.items()})
            scene = model.scenes.pop(0) if model.scenes else Scene({"error": "剧本演完了"}, status=500)
            time.sleep(scene.delay)
            kind, payload = model.body(scene)
            self.send_response(scene.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(payload)))
            for name, value in scene.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_args: object, **_named: object) -> None:
            """不往终端写。"""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    model.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
