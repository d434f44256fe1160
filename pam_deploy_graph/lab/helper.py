"""启动一个助手进程：自成进程组，第一行标准输出是它报到的 JSON（``lab`` 与 ``mcp-node`` 都如此）。

它守着自己的标准输入：本进程没了（哪怕是 kill -9），那根管道就断了，它自己结束。
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.i18n import EN, language, tr

READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0
"""停下的期限；上万台工作站的临时状态目录要删几秒。"""
_TAIL: Final = 2_000


def helper_command(name: str, *args: str) -> list[str]:
    """返回运行本包里另一个程序的 argv。

    Args:
        name: 命令名，例如 ``lab``；它是一个带 ``__main__.py`` 的子包，直接从那里启动，省去导入命令行。
        args: 其余参数。

    Returns:
        argv，说的语言与本进程相同；打成单个程序之后 ``sys.executable`` 就是程序自己，命令名是它的第一个参数。

    """
    spoken = ("--lang", EN) if language() == EN else ()
    if getattr(sys, "frozen", False):
        return [sys.executable, name, *args, *spoken]
    return [sys.executable, "-m", f"pam_deploy_graph.{name.replace('-', '_')}", *args, *spoken]


class Helper:
    """一个已启动的助手进程；``info`` 是它报到的 JSON 对象。"""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, ready_seconds: float = READY_SECONDS
    ) -> None:
        """启动进程并等它报到。

        Args:
            argv: 命令；会加上 ``--with-parent``。
            env: 环境变量；``None`` 为继承。
            ready_seconds: 最多等多少秒。

        Raises:
            PamError: 它没有报到；消息含它标准错误的末尾。进程已经结束掉。

        """
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 —— 与进程同寿，stop 时关闭
        self.process = subprocess.Popen(
            [*argv, "--with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=env,
            start_new_session=True,
        )
        try:
            self.info: dict[str, Any] = json.loads(self._first_line(time.monotonic() + ready_seconds))
        except (OSError, EOFError, ValueError):
            self._signal(signal.SIGKILL)
            self.process.wait()
            tail = self.stderr_tail()
            self._close()
            raise PamError(tr("助手进程没有启动起来（{argv}）：{tail}", argv=" ".join(argv[1:3]), tail=tail)) from None

    def stderr_tail(self) -> str:
        """返回它标准错误的末尾。"""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _TAIL))
        return self._stderr.read().decode(errors="replace").strip() or tr("（标准错误是空的）")

    def stop(self) -> int:
        """请它结束（SIGTERM），限时不结束就强杀整个进程组；返回退出码，可以重复调用。"""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)
        return self.kill()

    def kill(self) -> int:
        """立刻强杀整个进程组（kill -9）；返回退出码，可以重复调用。"""
        self._signal(signal.SIGKILL)
        code = self.process.wait()
        self._close()
        return code

    def _first_line(self, deadline: float) -> bytes:
        """限时读出标准输出的第一行。"""
        line = b""
        output = self.process.stdout
        if output is None:
            raise OSError
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(output.fileno(), 65_536)
            if not chunk:
                raise EOFError(line)
            line += chunk
        return line

    def _signal(self, number: int) -> None:
        """给整个进程组发信号；已经没有了就算了。"""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _close(self) -> None:
        """关掉管道与标准错误的文件。"""
        for file in (self.process.stdin, self.process.stdout, self._stderr):
            if file is not None:
                file.close()
