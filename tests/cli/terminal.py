"""用例的伪终端。"""

import codecs
import os
import pty
import select
import time

from tests.cli.program import Done, Job
from tests.patience import patience

SECONDS = 20.0


class Terminal:
    """一个伪终端：等它显示什么，再打字。"""

    def __init__(self) -> None:
        """开一个。"""
        self.master, self.slave = pty.openpty()
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # 一个汉字可能分两次读到

    def expect(self, words: str) -> str:
        """等到显示出 ``words``，返回它之前的；看过的不再算。"""
        deadline = time.monotonic() + patience(SECONDS)
        while words not in self.shown:
            assert time.monotonic() < deadline, f"等不到 {words!r}：{self.shown}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.shown += self._decoder.decode(os.read(self.master, 65_536))
        before, _, self.shown = self.shown.partition(words)
        return before

    def type(self, text: str) -> None:
        """打字。"""
        os.write(self.master, text.encode())

    def finish(self, job: Job) -> Done:
        """读到命令结束；太久了就杀掉它，说出显示过什么。"""
        deadline = time.monotonic() + patience(SECONDS)
        while not job.ended():
            if time.monotonic() > deadline:
                job.kill()
                raise TimeoutError(f"命令没有结束：{self.shown}")
            if select.select([self.master], [], [], 0.05)[0]:
                self.shown += self._decoder.decode(os.read(self.master, 65_536))
        return job.wait()
