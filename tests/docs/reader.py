"""照着文档做的读者：在一个空目录里，把标了 ``run`` 的命令逐条敲进去，把标了 ``lab`` 的试验场开起来。

栅栏后面的字：``bash run`` 逐条执行，行尾的 ``# 退出码 N`` 是应有的退出码；``bash serve`` 在另一个终端里开着，
文档里写死的端口换成真的；``bash file 名字`` 存成文件；``text shown`` 是上一个代码块应当显示的，``…`` 代表任意文字；
``bash manual`` 不执行。
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.lab.helper import Helper
from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import MODULE, ROOT, Zygote
from tools.documents import Block

_PROGRAM: Final = f"python -m {MODULE} "
_SHELL: Final = re.compile(r"[|&;<>$`()]")
_CODE: Final = re.compile(r"\s+# 退出码 (\d+)$")
_PORT: Final = re.compile(r"--port (\d+)")
_NOTE: Final = re.compile(r"<!-- 试验场: (.*?) *-->")
_EXAMPLE_HOME: Final = "http://pam-home.example:8080"
_SECONDS: Final = 50.0
RUN, SERVE, FILE, MANUAL, SHOWN = "bash run", "bash serve", "bash file ", "bash manual", "text shown"


def commands(text: str) -> list[tuple[str, int]]:
    """把一个代码块拆成命令与应有的退出码；续行接起来，注释行不算。"""
    joined = re.sub(r" *\\\n *", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    found = [(line, _CODE.search(line)) for line in lines]
    return [(_CODE.sub("", line), int(code[1]) if code else 0) for line, code in found]


@dataclass
class Reader:
    """一位读者；``folder`` 是当前目录。"""

    folder: Path
    zygote: Zygote
    output: str = ""
    env: dict[str, str] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict)
    _servers: list[Helper | LabProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        """备好环境：``python`` 就是跑测试的这一个。"""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.env = {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        (self.folder / "doc_scripts").symlink_to(ROOT / "doc_scripts")

    def __enter__(self) -> Self:
        """开始读。"""
        return self

    def __exit__(self, *_: object) -> None:
        """停掉开起来的服务。"""
        for server in self._servers:
            server.stop()

    def follow(self, block: Block) -> None:
        """照一个代码块做。"""
        if block.kind == SERVE:
            self._serve(block)
        elif block.kind.startswith(FILE):
            (self.folder / block.kind.removeprefix(FILE)).write_text(block.text, encoding="utf-8")
        elif block.kind == RUN:
            self.output = ""
            for command, code in commands(block.text):
                self._type(block, command, code)
        elif block.kind == SHOWN:
            self._look(block)

    def prepare(self, text: str) -> None:
        """页面里有 ``<!-- 试验场: 故障… -->`` 的，开一个已放好安装包的试验场，代替文档里的 PAM_HOME。"""
        if note := _NOTE.search(text):
            lab = LabProcess(faults=note[1].split())
            self._servers.append(lab)
            provision(lab)
            self._real[_EXAMPLE_HOME] = lab.home_url
            self.env["PAM_TOKEN"] = lab.token

    def _serve(self, block: Block) -> None:
        """开一个试验场或 MCP 服务，记下文档里的地址实际是什么。"""
        *before, (command, _) = commands(block.text)
        for line, code in before:
            self._type(block, line, code)
        documented = _PORT.search(command)
        assert documented, f"{block.where}: 要写明 --port"
        argv = shlex.split(self._really(command).removeprefix(_PROGRAM))
        argv[argv.index("--port") + 1] = "0"
        server = Helper([sys.executable, "-m", MODULE, *argv], env=self.env)
        self._servers.append(server)
        info, port = server.info, int(documented[1])
        urls = [info["home_url"], *info["node_urls"].values()] if "home_url" in info else [info["mcp_url"][:-4]]
        self._real |= {f"http://127.0.0.1:{number}": url for number, url in enumerate(urls, start=port)}

    def _really(self, command: str) -> str:
        """把文档里的地址换成真的。"""
        for shown, real in self._real.items():
            command = command.replace(shown, real)
        return command

    def _type(self, block: Block, command: str, wanted: int) -> None:
        """敲一条命令，退出码要与文档说的相同。"""
        command = self._really(command)
        if command.startswith("export "):
            name, _, value = shlex.split(command, comments=True)[1].partition("=")
            self.env[name] = value
            return
        code, said = self._run(command)
        self.output += said
        assert code == wanted, f"{block.where}: {command}\n退出码 {code}，文档说是 {wanted}\n{said}"

    def _run(self, command: str) -> tuple[int, str]:
        """执行；不用 shell 的本程序命令由母进程分出来，快得多。"""
        if command.startswith(_PROGRAM) and not _SHELL.search(command):
            argv = [MODULE, *shlex.split(command.removeprefix(_PROGRAM), comments=True)]
            done = self.zygote.start(argv, env=self.env, cwd=self.folder).wait(_SECONDS)
            return done.code, done.out + done.err
        shell = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        code = shell.returncode if shell.returncode >= 0 else 128 - shell.returncode
        return code, shell.stdout

    def _look(self, block: Block) -> None:
        """文档说会显示的每一行，真的显示过。"""
        for number, line in enumerate(block.text.splitlines()):
            pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
            assert re.search(pattern, self.output), (
                f"{block.page}:{block.line + number}: 没有显示 {line}\n{self.output}"
            )
