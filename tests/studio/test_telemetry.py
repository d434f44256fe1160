"""可观测性：跨度有父有子、没有秘密；关着什么也不载入；日志一行一个 JSON；什么也不流到机外。"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from examples import studio
from examples.dev_server import PROJECT, DevServer
from examples.stage import FAILING, Stage, open_stage
from pam_deploy_graph.flows.telemetry import LOGGER, JsonFormatter, log_events, no_span, span_maker
from tests.graph.desk import IPS, Desk

pytestmark = [pytest.mark.studio, pytest.mark.timeout(120)]
WATCHER = """
import os, sys
def note(text):
    with open(os.environ["CONNECTIONS"], "a") as out:
        out.write(f"{text}\\n")
def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        note(args[1][0])
    if event == "socket.getaddrinfo" and args[0]:
        note(args[0])
note("watching")
sys.addaudithook(watch)
"""
TRACED_PROGRAM = """
from pathlib import Path
from langchain_core.tracers.langchain import wait_for_all_tracers
from langgraph.checkpoint.memory import InMemorySaver
from tests.graph.desk import Desk
desk = Desk(Path(), InMemorySaver())
desk.begin()
assert desk.answer("approve")["exit_code"] == 0
wait_for_all_tracers()
"""
LOCAL = {"127.0.0.1", "localhost", "::1"}


@contextmanager
def sink() -> Iterator[tuple[str, list[bytes]]]:
    """收下一切的 HTTP 服务：地址，与收到的正文。"""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        """什么都收。"""

        def do_POST(self) -> None:
            """收下正文。"""
            received.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_args: object, **_named: object) -> None:
            """不说话。"""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """一个舞台。"""
    with open_stage() as made:
        yield made


def test_spans(tmp_path: Path) -> None:
    """一次运行的跨度：动作在波里，波在运行里；失败的标成错误；属性里没有原因的文字。"""
    from langgraph.checkpoint.memory import InMemorySaver
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    desk = Desk(tmp_path, InMemorySaver())
    desk.services.span = span_maker(provider.get_tracer("test"))
    desk.fake.fail("verify-ip", IPS[1], error="canary-7f3a 不该出现在跨度里")
    desk.begin()
    desk.answer("approve")
    desk.answer("approve")
    desk.services.close()
    spans = exporter.get_finished_spans()
    by_id = {one.context.span_id: one for one in spans if one.context}
    chains = {(one.name, by_id[one.parent.span_id].name) for one in spans if one.parent}
    assert chains >= {("pam.action", "pam.wave"), ("pam.wave", "pam.run"), ("pam.action", "pam.run")}
    (bad,) = [one for one in spans if (one.attributes or {}).get("pam.ok") is False]
    assert bad.attributes is not None
    assert (bad.attributes["pam.action"], bad.attributes["pam.ip"], bad.status.is_ok) == ("verify-ip", IPS[1], False)
    assert "canary-7f3a" not in "".join(one.to_json() for one in spans)


def test_off_means_nothing(tmp_path: Path) -> None:
    """关着：不载入 OpenTelemetry，跨度是同一个空对象。"""
    assert no_span("pam.run") is no_span("pam.action", ip=IPS[0])
    code = (
        "import sys; from pam_deploy_graph.runs.services import Services; Services().span;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0


def test_json_logs(caplog: pytest.LogCaptureFixture) -> None:
    """每个事件一行 JSON，带运行名与事件的各个键。"""
    with caplog.at_level(logging.INFO, logger=LOGGER):
        log_events("r-1")({"type": "IP_DONE", "ip": IPS[0], "at": 1})
    told: dict[str, Any] = json.loads(JsonFormatter().format(caplog.records[0]))
    assert {key: told[key] for key in ("event", "run_id", "ip", "level")} == {
        "event": "IP_DONE",
        "run_id": "r-1",
        "ip": IPS[0],
        "level": "INFO",
    }


def test_nothing_leaves_the_machine(stage: Stage, tmp_path: Path) -> None:
    """整段对话里，服务器进程（连同它的子进程）只连过本机；令牌不在它的输出与文件里。"""
    (tmp_path / "sitecustomize.py").write_text(WATCHER, encoding="utf-8")
    seen = tmp_path / "connections"
    extra = {"PYTHONPATH": str(tmp_path), "CONNECTIONS": str(seen), "PAM_LOG_JSON": "1"}
    with DevServer(stage.home, stage.env | extra) as server:
        studio.walk(server.url, stage)
        output = server.output()
    lines = set(seen.read_text(encoding="utf-8").split())
    assert "watching" in lines
    assert lines - {"watching"} <= LOCAL
    assert stage.rollbacks() == [FAILING]
    assert '"event": "ROLLBACK_DONE"' in output
    assert stage.lab.token not in output
    for path in stage.home.rglob("*"):
        if path.is_file():
            assert stage.lab.token.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("on", [True, False])
def test_langsmith_only_when_set(tmp_path: Path, *, on: bool) -> None:
    """设了 LangSmith 就送往设的地址，没设就一个字也不送；送出去的没有令牌。"""
    with sink() as (url, received):
        keys = {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k", "LANGSMITH_DISABLE_RUN_COMPRESSION": "true"}
        given = {"LANGSMITH_ENDPOINT": url, "PAM_TOKEN": "canary-7f3a", "PYTHONPATH": str(PROJECT)} | (
            keys if on else {}
        )
        program = [sys.executable, "-c", TRACED_PROGRAM]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "PAM_"))}
        subprocess.run(program, cwd=tmp_path, env=clean | given, check=True, timeout=60)
    assert any(b"VERSION_NUMBER" in body for body in received) is on
    assert not any(b"canary-7f3a" in body for body in received)
    assert on or not received
