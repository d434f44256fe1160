"""新开一个子进程，做完，按操作系统的账（wait4）算它用了多少。"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parent.parent
_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Spent:
    """一个子进程（连同它等过的后代）的开销：秒、秒、MB；``said`` 是它的标准输出。"""

    code: int
    wall: float
    cpu: float
    peak_mb: float
    said: str

    @property
    def report(self) -> dict[str, Any]:
        """标准输出最后一行的 JSON 对象。"""
        parsed: dict[str, Any] = json.loads(self.said.splitlines()[-1])
        return parsed


def environment(**extra: str) -> dict[str, str]:
    """子进程的全部环境变量：只有这几个，本机的设置因此不影响读数。"""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(PROJECT)} | extra


def driver(name: str, *arguments: object) -> list[str]:
    """返回运行 ``bench.drivers`` 里一个程序的 argv。"""
    return [sys.executable, "-m", f"bench.drivers.{name}", *map(str, arguments)]


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: IO[Any] | None = None,
    expect: int = 0,
) -> Spent:
    """运行到结束。

    Args:
        argv: 命令。
        cwd: 工作目录。
        env: 环境变量，默认 ``environment()``。
        stdin: 标准输入的文件，默认没有。
        expect: 应有的退出码；被信号打死的是负的信号号。

    Raises:
        RuntimeError: 退出码不是 ``expect``；消息含它标准错误的末尾。

    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=cwd, env=env or environment(), stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=err
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # 自己被打断时不留下没人管的子进程
            process.kill()
            raise
        wall = time.perf_counter() - started
        process.returncode = code = os.waitstatus_to_exitcode(status)
        if code != expect:
            raise RuntimeError(f"{' '.join(argv[1:4])} 的退出码是 {code}，应为 {expect}：{_read(err)[-_TAIL:]}")
        return Spent(code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, _read(out))


def _read(file: IO[bytes]) -> str:
    """读出一个临时文件的全部内容。"""
    file.seek(0)
    return file.read().decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Service:
    """一个开着的服务；``info`` 是它第一行报到的 JSON。"""

    info: dict[str, Any]
    pid: int

    def cpu(self) -> float:
        """它到现在用了多少 CPU，秒（内核的账，分辨率是一个时钟滴答）。"""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Service]:
    """开一个服务，等它报到；离开时请它结束。"""
    with subprocess.Popen(argv, cwd=cwd, env=env or environment(), stdout=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            yield Service(json.loads(line), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
