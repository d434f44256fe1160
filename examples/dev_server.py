"""``langgraph dev`` 子进程：在自己的目录里，用本项目的 ``langgraph.json``，不联外网。"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

PROJECT: Final = Path(__file__).resolve().parent.parent
QUIET: Final = {
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "1",
}
"""不追踪、不上报、不查新版本：什么也不流到机外。"""
_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0


class DevServer:
    """一个开发服务器；用作上下文管理器，离开时停掉它。``url`` 是它的地址。"""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        """启动并等它听起来。

        Args:
            folder: 它的工作目录；账本、日志、会话都留在里面。
            env: 另加的环境变量，例如 ``PAM_HOME_URL`` 与 ``PAM_TOKEN``；``{url}`` 是它自己的地址。

        Raises:
            RuntimeError: 它没有启动起来；消息含它输出的末尾。

        """
        for name in ("langgraph.json", "graphs"):
            if not (folder / name).exists():
                (folder / name).symlink_to(PROJECT / name)
        self.folder, port = folder, free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 与进程同寿，stop 时关闭
        self.process = subprocess.Popen(
            [sys.executable, "-m", "langgraph_cli", "dev", *options],
            cwd=folder,
            env={**os.environ, **QUIET, **{name: value.replace("{url}", self.url) for name, value in env.items()}},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def output(self) -> str:
        """它到此刻为止的输出。"""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def stop(self) -> None:
        """停掉它；可以重复调用。"""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Self:
        """已经启动好了。"""
        return self

    def __exit__(self, *_: object) -> None:
        """停掉它，关掉输出文件。"""
        self.stop()
        self._output.close()

    def _wait(self) -> None:
        """等到 ``/ok`` 有答复。"""
        opener, deadline = build_opener(ProxyHandler({})), time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with opener.open(f"{self.url}/ok", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"langgraph dev 没有启动起来：{self.output()[-2000:]}")


def free_port() -> int:
    """一个此刻空着的端口；``langgraph dev`` 自己不会选。"""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
