"""台面：一个试验场、一个工作目录、几块屏幕；一幕在上面演，看得见的记下来。"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.cli.demo_scenario import package_of
from pam_deploy_graph.lab.launcher import LabProcess
from tools.terminal.screen import Screen

VERSION: Final = "1.2.3"
_MODULE: Final = "pam_deploy_graph"


class Seat:
    """一个人坐在一块屏幕前，开着一个命令。"""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: Screen) -> None:
        """命令已经开着。"""
        self.process, self.screen = process, screen

    def say(self, text: str, then: str) -> None:
        """打一句，回车，等到屏上看得见 ``then``。"""
        self.screen.settle(0.1)
        before = self.screen.seen(then) if then else 0
        self.screen.type(f"{text}\n")
        if then:
            self.screen.wait(then, beyond=before)

    def see(self, words: str) -> None:
        """等到屏上看得见 ``words``。"""
        self.screen.wait(words)

    def press(self, key: str) -> None:
        """按一个键（控制字符）。"""
        self.screen.type(key)

    def leave(self) -> int:
        """等它结束，返回退出码。"""
        while self.process.poll() is None:
            self.screen.pump(0.05)
        return self.process.returncode


@dataclass
class Stage:
    """一幕的台面；``shots`` 是记下的 ``(说明, 看得见的)``。"""

    lab: LabProcess
    folder: Path
    shots: list[tuple[str, str]] = field(default_factory=list)
    _seats: list[Seat] = field(default_factory=list)

    @property
    def package(self) -> str:
        """一个真的安装包。"""
        path = self.folder / f"gate-{VERSION}.tar"
        if not path.exists():
            path.write_bytes(package_of(VERSION))
        return str(path)

    @property
    def request(self) -> str:
        """一句要求。"""
        return f"把首都机场 checkin/gate 升级到 {VERSION}，安装包 {self.package}"

    def sit(self, *argv: str, size: tuple[int, int] = (100, 30), **env: str) -> Seat:
        """开一个命令；带工作目录。"""
        screen = Screen(*size)
        known = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        known |= {"PAM_HOME_URL": self.lab.home_url, "PAM_TOKEN": self.lab.token, **env}
        command = [sys.executable, "-m", _MODULE, *argv, "--home", str(self.folder)]
        process = subprocess.Popen(
            command, cwd=self.folder, env=known, stdin=screen.slave, stdout=screen.slave, stderr=screen.slave
        )
        seat = Seat(process, screen)
        self._seats.append(seat)
        return seat

    def run_id(self) -> str:
        """最近一次运行的名字。"""
        command = [sys.executable, "-m", _MODULE, "runs", "--json", "--home", str(self.folder)]
        rows = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=self.folder).stdout)
        return str(rows[0]["run_id"])

    def shot(self, seat: Seat, about: str) -> None:
        """记下此刻看得见的。"""
        seat.screen.settle()
        self.shots.append((about, seat.screen.shown))

    def clear(self) -> None:
        """收拾：还开着的都停掉。"""
        for seat in self._seats:
            if seat.process.poll() is None:
                seat.process.kill()
            seat.process.wait()
            with contextlib.suppress(OSError):
                seat.screen.close()


@contextlib.contextmanager
def open_stage(*, workstations: int = 8, latency: float = 0.1, faults: Sequence[str] = ()) -> Iterator[Stage]:
    """搭一个台面，演完拆掉。"""
    options: dict[str, Any] = {"workstations": workstations, "latency": latency, "faults": faults}
    with tempfile.TemporaryDirectory(prefix="pam-") as folder, LabProcess(**options) as lab:
        stage = Stage(lab, Path(folder))
        try:
            yield stage
        finally:
            stage.clear()
