"""光秃秃的根目录里的整包：命令都用 chroot 在里面运行，环境里只有 ``PATH`` 与 ``HOME``。"""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from pam_deploy_graph.lab.helper import Helper
from tests.cli.program import Done
from tests.patience import patience
from tools.bundle.recipe import BUNDLE, PROGRAM

SECONDS = 120.0
CHROOT = shutil.which("chroot", path=f"{os.defpath}:/usr/sbin:/sbin") or "chroot"


@dataclass(frozen=True)
class BareRoot:
    """``path`` 是根目录；整包在里面的 ``/opt``，工作目录在 ``/data`` 下。"""

    path: Path
    env: Mapping[str, str]

    def within(self, **env: str) -> "BareRoot":
        """多给几个环境变量。"""
        return BareRoot(self.path, {**self.env, **env})

    def argv(self, *args: str) -> list[str]:
        """在里面运行整包的一个命令。"""
        return [CHROOT, str(self.path), f"/opt/{BUNDLE}/{PROGRAM}", *args]

    def __call__(self, *args: str) -> Done:
        """运行一个命令到结束。"""
        return self.finish(self.argv(*args))

    def bash(self, script: str) -> Done:
        """在里面运行一段 bash。"""
        return self.finish([CHROOT, str(self.path), "/bin/bash", "-c", script])

    def finish(self, argv: list[str]) -> Done:
        """运行到结束，收下输出。"""
        done = subprocess.run(
            argv,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """开始一个命令，输出不要。"""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(self.argv(*args), env=self.env, stdin=quiet, stdout=quiet, stderr=quiet)

    def helper(self, *args: str) -> Helper:
        """启动一个报到之后一直服务的命令。"""
        return Helper(self.argv(*args), env=self.env)

    def chat(self, *args: str) -> "Conversation":
        """在伪终端里开始对话。"""
        return Conversation(self.argv("chat", *args), self.env)


class Conversation:
    """伪终端里的一次对话。"""

    def __init__(self, argv: list[str], env: Mapping[str, str]) -> None:
        """启动它，以伪终端为控制终端。"""
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.shown = ""

    def expect(self, words: str) -> None:
        """等到屏幕上出现 ``words``；看过的不再算。"""
        deadline = time.monotonic() + patience(SECONDS)
        while words not in self.shown:
            assert time.monotonic() < deadline, f"等不到 {words!r}：{self.shown}"
            self._read()
        self.shown = self.shown.partition(words)[2]

    def say(self, text: str) -> None:
        """打一行字。"""
        os.write(self._master, f"{text}\n".encode())

    def end(self) -> int:
        """等它自己结束，返回退出码。"""
        deadline = time.monotonic() + patience(SECONDS)
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"它没有结束：{self.shown}"
            self._read()
        return self._process.returncode

    def __enter__(self) -> Self:
        """已经开始了。"""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """没有结束的杀掉。"""
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self) -> None:
        """读一点屏幕上的字。"""
        if select.select([self._master], [], [], 0.2)[0]:
            try:
                self.shown += os.read(self._master, 65_536).decode(errors="replace")
            except OSError:
                time.sleep(0.1)  # 那一头已经关了，进程正在收尾


def truth(info: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """试验场里每台工作站的真实情况。"""
    answer = httpx.get(f"{info['home_url']}/lab/workstations", headers={"Authorization": f"Bearer {info['token']}"})
    return {row["ip"]: row for row in answer.raise_for_status().json()}
