"""在终端里问人；没有终端时没有人可问。"""

import contextlib
import importlib
import locale
import sys
import termios
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from pam_deploy_graph.constants import DECISIONS, PLAN_DECISIONS, Ask, Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.questions import spoken
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.safe_text import printable

Reader = Callable[[Mapping[str, Any], str], dict[str, Any]]
"""把操作员打的字读成对问题的决定；不是决定的抛 ``InvalidInputError``。"""
_PROMPTS = {
    Ask.PLAN: f"批准这个计划吗？[{'/'.join(PLAN_DECISIONS)}] ",
    Ask.PARAMS: "请补充: ",
}


def _prompt(question: Mapping[str, Any]) -> str:
    """等人打字的提示；回滚的问题只列它给出的回答。"""
    if question["ask"] != Ask.ROLLBACK:
        return _PROMPTS[question["ask"]]
    offered = [f"{decision}={DECISIONS[Decision(decision)].does}" for decision in question["allowed_decisions"]]
    return f"回滚吗？[{' / '.join(offered)}] "


def nobody(question: Mapping[str, Any]) -> None:
    """没有人可问：把问题写出来，由别的终端用 ``confirm`` 回答。"""
    show_question(question)


def approve_all(question: Mapping[str, Any]) -> Any:
    """凡问皆同意（只给 ``demo --yes`` 用）。"""
    show_question(question)
    return {"decision": str(Decision.APPROVE), "note": "演示中自动同意", "operator": current_operator()}


def read_line(prompt: str, *, fresh: bool = False) -> str | None:
    """读一行，遮过秘密；粘贴来的几行并成一行，Ctrl-D、Ctrl-C 为 ``None``。

    Args:
        prompt: 提示。
        fresh: 只收问题显示之后打的字：提前打的、粘贴剩下的，不能当作对还没有看到的问题的回答。

    """
    shown = prompt if sys.stdout.isatty() else ""
    if not shown:  # 标准输出另有用处，提示写到标准错误
        sys.stderr.write(prompt)
        sys.stderr.flush()
    _prepare_terminal(fresh=fresh)
    try:
        return mask(" ".join(input(shown).split("\n")).strip())
    except (EOFError, KeyboardInterrupt):
        if shown:
            sys.stderr.write("\n")
        return None


def _prepare_terminal(*, fresh: bool) -> None:
    """在终端里：能编辑这一行、翻出先前打过的；要新打的就丢掉已经在等的。"""
    if not sys.stdin.isatty():
        return
    if locale.nl_langinfo(locale.CODESET) == "UTF-8":  # 别的区域设置里，readline 会去掉汉字每个字节的最高位
        with contextlib.suppress(ImportError):
            importlib.import_module("readline")
    if fresh:
        with contextlib.suppress(termios.error):
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def in_terminal(question: Mapping[str, Any], read: Reader) -> Any:
    """在终端里问；没有回答就是没有决定。``read`` 把打的字读成决定。"""
    show_question(question)
    decides = question["ask"] != Ask.PARAMS
    while (text := read_line(_prompt(question), fresh=decides)) is not None:
        if not decides:
            return text
        try:
            return read(question, text)
        except InvalidInputError as error:
            Console(stderr=True).print(str(error), markup=False)
    return None


def asker(read: Reader) -> Any:
    """选一个问法：有终端就问，没有就没有人可问。"""
    seen = sys.stdin.isatty() and sys.stderr.isatty()
    return (lambda question: in_terminal(question, read)) if seen else nobody


def show_question(question: Mapping[str, Any]) -> None:
    """把问题写到标准错误。"""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    lines = spoken(question).splitlines()
    console.print("\n".join(printable(line) for line in lines), markup=False)
