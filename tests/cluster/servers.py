"""集群的各个进程：Redis，以及各有自己的主机名与目录的 Aegra 实例。"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from examples.dev_server import free_port
from tests.on_host import ON_HOST
from tests.patience import patience

PROJECT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = PROJECT / "build" / "cluster" / "bin" / "python"
"""装着 Aegra 的 Python 3.12，由 ``make cluster`` 备好。"""
LEASE: Final = {"LEASE_DURATION_SECONDS": "9", "HEARTBEAT_INTERVAL_SECONDS": "3", "REAPER_INTERVAL_SECONDS": "5"}
_READY_SECONDS: Final = 60.0


def why_not() -> str:
    """说明为什么起不了集群；起得了为空串。"""
    if not PYTHON.exists():
        return "没有装 Aegra：make cluster 会装（要 Python 3.12）"
    return "" if shutil.which("redis-server") else "没有 redis-server：Debian 上 apt-get install redis-server"


class Process:
    """一个服务进程；用作上下文管理器，离开时停掉。"""

    def __init__(self, argv: list[str], folder: Path, env: Mapping[str, str], log: Path) -> None:
        """在 ``folder`` 里启动，输出写到 ``log``。"""
        self._argv, self._folder, self._env, self.log = argv, folder, env, log
        self.start()

    def start(self) -> None:
        """启动；停了、死了之后可以再来。"""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._argv,
                cwd=self._folder,
                env={**os.environ, **self._env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """``kill -9``，连同子进程。"""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(patience(20))

    def __enter__(self) -> Self:
        """已经启动了。"""
        return self

    def __exit__(self, *_: object) -> None:
        """停掉；不肯停的杀掉。"""
        if self.process.poll() is None:
            self.kill()


def redis(folder: Path) -> tuple[Process, str]:
    """起一个只在回环地址上、不存盘的 Redis，返回它与地址。"""
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return Process(argv, folder, {}, folder / "redis.log"), f"redis://127.0.0.1:{port}/0"


class Aegra(Process):
    """一个 Aegra 实例：自己的主机名、自己的目录；``url`` 是它的地址。"""

    def __init__(self, name: str, folder: Path, env: Mapping[str, str]) -> None:
        """启动；``env`` 是数据库、Redis 与 PAM 的设置，``{url}`` 是它自己的地址。"""
        self.name, port = name, free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir()
        for shared in ("langgraph.json", "graphs"):
            (folder / shared).symlink_to(PROJECT / shared)
        server = ["uvicorn", "aegra_api.main:app", "--host", "127.0.0.1", "--port", str(port)]
        argv = [str(PYTHON), str(ON_HOST), name, *server]
        log = folder.parent / f"{name}.log"
        more = {"AEGRA_CONFIG": str(folder / "langgraph.json"), "HOST": "127.0.0.1", "PORT": str(port), **LEASE}
        super().__init__(
            argv, folder, more | {key: value.replace("{url}", self.url) for key, value in env.items()}, log
        )

    def wait_ready(self) -> None:
        """等它答话。

        Raises:
            RuntimeError: 它没有起来；消息含它输出的末尾。

        """
        deadline = time.monotonic() + patience(_READY_SECONDS)
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} 没有起来：{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        """答不答话。"""
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
