"""测试自己起的 PostgreSQL：临时目录里的一个新实例，只听一个 Unix 套接字，用完删掉。

服务程序不肯以 root 运行，所以在 root 之下换成 ``nobody``。
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.patience import patience

_DEBIAN: Final = Path("/usr/lib/postgresql")
_START_SECONDS: Final = 20
# 数据用完就删，不必等磁盘
_OPTIONS: Final = ("fsync=off", "listen_addresses=", "max_connections=100", "log_min_messages=fatal")


def binaries() -> Path | None:
    """返回服务程序所在的目录：先看 ``PATH``，再看 Debian 的各个版本，新的在前；没有为 ``None``。"""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(_DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


def why_not() -> str:
    """说明为什么起不了；起得了为空串。"""
    if find_spec("psycopg") is None or find_spec("langgraph.checkpoint.postgres") is None:
        return "没有装附加依赖 postgres：make test-postgres 会装"
    if binaries() is None:
        return "没有 PostgreSQL 的服务程序（initdb、postgres）：Debian 上 apt-get install postgresql"
    return ""


class PostgresServer:
    """一个真的 PostgreSQL；用作上下文管理器。"""

    def __init__(self) -> None:
        """建好实例，启动并等它答话。"""
        found = binaries()
        assert found is not None, why_not()
        self._bin = found
        self._numbers = count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="pam-pg-"))
        user: dict[str, Any] = {"cwd": self.folder}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            user |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = str(self.folder / "data")
        initdb = [f"{found}/initdb", "-D", data, "-U", "pam", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **user)
        options = (*_OPTIONS, f"unix_socket_directories={self.folder}")
        self._argv = [f"{found}/postgres", "-D", data, *(part for one in options for part in ("-c", one))]
        self._user = user
        self._start()

    def new_database(self) -> str:
        """建一个新库，返回它的地址。"""
        name = f"pam{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str) -> str:
        """一个库的地址。"""
        return f"postgresql://pam@/{name}?host={self.folder}"

    def execute(self, statement: str, *values: str) -> None:
        """以管理员的身份执行一句。"""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def cut_off(self, name: str) -> None:
        """断开一个库的全部连接，如同服务重启过。"""
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)

    @contextlib.contextmanager
    def away(self, *, crash: bool = False) -> Iterator[None]:
        """停掉服务，出来时再起；``crash`` 是崩溃：不等事务，不落盘，起来时恢复。"""
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(patience(20))
        try:
            yield
        finally:
            self._start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """冻住整个服务：连得上、不答话、也不断开；出来时化开。"""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="utf-8")
        pids = [self._process.pid, *map(int, children.split())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        """已经在听了。"""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """停掉，删掉。"""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(patience(20))
        shutil.rmtree(self.folder)

    def _start(self) -> None:
        """启动并等它答话。"""
        self._process = subprocess.Popen(self._argv, start_new_session=True, **self._user)
        self._wait()

    def _wait(self) -> None:
        """等它答话。"""
        ready = [f"{self._bin}/pg_isready", "-q", "-h", str(self.folder)]
        deadline = time.monotonic() + _START_SECONDS
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process.poll() is None, "PostgreSQL 没有起来"
            assert time.monotonic() < deadline, "PostgreSQL 起得太慢"
            time.sleep(0.05)
