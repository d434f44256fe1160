"""对话的例子：在伪终端里真的走一遍 ``chat``，把屏幕上的字写成 ``docs/chat_example.md``。

``--write`` 写出，``--check`` 只比较；要几秒钟，所以不在 ``make check`` 里。
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.lab.launcher import LabProcess
from tools.source import Offence, parse_mode, report

PAGE: Final = "docs/chat_example.md"
FAULT: Final = "10.0.0.5:verify:fail:1"
OPERATOR: Final = "operator"
"""例子里的操作员，不用写页面的人的名字。"""
_SECONDS: Final = 60.0
_WIDE: Final = (50, 1_000)
"""终端的行数与列数：宽得提示连同打的字从不换行，readline 就从不重画。"""
_PROMPT: Final = re.compile(r"(?:^|\n)(?:补充|批准？.*|回滚？.*|确认？)?> $")
"""在等人打字：最后一行是 ``cli/asking.py`` 与 ``cli/conversation.py`` 的提示之一，后面还什么都没有打。"""
_CONTROL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\r")
_VOLATILE: Final = (
    (re.compile(r"\b\d{8}_\d{6}(?:_\w+)?\b"), "20260101_080000"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)"), "2026-01-01T08:00:00+00:00"),
    (re.compile(r"\b\d\d:\d\d:\d\d[+-]\d\d:\d\d"), "08:00:00+00:00"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8080"),
    (re.compile(r"摘要: [0-9a-f]{12}"), "摘要: 0123456789ab"),
)

SCRIPT: Final = (
    ("帮我升级一下", "什么都没说清楚：程序列出还缺什么，不猜。"),
    ("把首都机场的 checkin 应用升级到 1.2.3，先灰度 2 台", "说了三样，还差模块，就只再问模块。"),
    ("模块是 gate", "参数齐了：程序查到在线的工作站，给出完整的计划，等人批准；此时什么也没有改变。"),
    ("去掉 10.0.0.3", "改计划也是一句话：先说改了什么，再给出新的计划，重新等人批准。"),
    ("approve", "批准之后先做灰度，再逐台进行；10.0.0.5 验证不通过，停下来解释原因，问要不要回滚。"),
    ("进度怎么样", "停着的时候可以问进度；问完了，等着的问题还在。"),
    ("approve", "同意回滚这一台；它退回原来的版本，其余的接着做完，最后是报告。"),
    ("退出", "离开；账本留在工作目录里，随时可以用 `report` 再看。"),
)
"""操作员打的字，以及页面上的一句说明。"""
_HEAD: Final = """# 对话的例子

本页由 `python -m tools.worked_example --write` 生成：对着一个真的试验场，在伪终端里走一遍 `chat`，
屏幕上的字照抄下来（运行名、时间、端口和目录换成固定的写法）。试验场里有一处故障：`{fault}`，
即 10.0.0.5 的第一次验证不通过。自己试：`python -m pam_deploy_graph chat --lab`（没有故障）。

打开对话，程序先说能做什么：
"""


class Screen:
    """一个伪终端里的 ``chat``。"""

    def __init__(self, home: Path, lab: LabProcess) -> None:
        """在 ``home`` 里开始对话，令牌经环境交给它。"""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, _WIDE)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PAM_", "OPENAI_"))}
        ours |= {"PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token, "LOGNAME": OPERATOR, "TERM": "dumb"}
        command = [sys.executable, "-m", "pam_deploy_graph", "chat", "--home", str(home)]
        self._chat = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=ours, cwd=home)
        os.close(slave)

    def until_prompt(self) -> str:
        """读到程序又在等人打字，或者已经结束。

        Raises:
            TimeoutError: 等得太久。

        """
        shown, deadline = b"", time.monotonic() + _SECONDS
        while not _PROMPT.search(text := _CONTROL.sub("", shown.decode(errors="replace"))):
            if time.monotonic() > deadline:
                raise TimeoutError(f"等不到提示符，屏幕上是：{text}")
            if select.select([self._master], [], [], 0.2)[0]:
                try:
                    shown += os.read(self._master, 65_536)
                except OSError:  # 对方关掉了伪终端
                    return text
        return text

    def say(self, text: str) -> str:
        """打一句话，返回随后显示的全部（连同回显）。"""
        os.write(self._master, f"{text}\n".encode())
        return self.until_prompt()

    def close(self) -> int:
        """说了「退出」之后等它结束，返回退出码。

        Raises:
            TimeoutExpired: 它没有结束。

        """
        return self._chat.wait(_SECONDS)

    def abandon(self) -> None:
        """还开着的停掉，收拾伪终端。"""
        self._chat.kill()
        self._chat.wait()
        os.close(self._master)


def talk(home: Path) -> list[str]:
    """走一遍，返回每一幕屏幕上的字；第一幕是开场白。

    Raises:
        RuntimeError: 对话没有正常结束。

    """
    with LabProcess(faults=[FAULT]) as lab:
        provision(lab)
        screen = Screen(home, lab)
        try:
            shown = [screen.until_prompt(), *(screen.say(text) for text, _ in SCRIPT)]
            code = screen.close()
        finally:
            screen.abandon()
    if code:
        raise RuntimeError(f"对话以退出码 {code} 结束：{shown[-1]}")
    return shown


def settle(text: str, home: Path) -> str:
    """换掉每次都不一样的部分。"""
    for pattern, fixed in _VOLATILE:
        text = pattern.sub(fixed, text)
    return text.replace(f"{home}/", "")


def render() -> str:
    """走一遍并写成页面。"""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder).resolve()
        shown = [settle(each, home) for each in talk(home)]
    prompts = [each.rsplit("\n", 1)[-1] for each in shown]
    bodies = [each.rsplit("\n", 1)[0].strip("\n") for each in shown]
    parts = [_HEAD.format(fault=FAULT), _block(bodies[0])]
    for (_, why), prompt, body in zip(SCRIPT, prompts, bodies[1:], strict=False):
        parts += [f"\n{why}\n", _block(f"{prompt}{body}")]
    return "\n".join(parts) + "\n"


def _block(text: str) -> str:
    """一块照抄的屏幕。"""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"```text\n{lines}\n```"


def main(argv: Sequence[str] | None = None) -> int:
    """照命令行的要求写出或比较。"""
    root, write = parse_mode(__doc__, argv)
    path, wanted = root / PAGE, render()
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    same = path.is_file() and path.read_text(encoding="utf-8") == wanted
    offences = [] if same else [Offence(f"{PAGE}:1", "与程序不符；请运行 python -m tools.worked_example --write")]
    return report(offences, f"对话的例子：{len(SCRIPT)} 句，不符 {len(offences)} 页")


if __name__ == "__main__":
    sys.exit(main())
