"""往屏幕上写：标准错误的一行行字；只有真的终端才上色，听 ``NO_COLOR``、``TERM=dumb`` 的。"""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Iterator
from typing import Final

import typer

from pam_deploy_graph.system.terminal import for_screen

_DUMB: Final = frozenset({"", "dumb", "unknown"})


def say(text: str, colour: str | None = None) -> None:
    """把几行字写到标准错误，遮过秘密。

    Raises:
        OSError: 写不出去。

    """
    shown = for_screen(text)
    sys.stderr.write((typer.style(shown, fg=colour) if colour and has_colour() else shown) + "\n")
    sys.stderr.flush()


def is_live() -> bool:
    """键盘与屏幕都是能移动光标的终端：可以一边显示进度一边打字。"""
    return sys.stdin.isatty() and sys.stderr.isatty() and _capable()


def has_colour() -> bool:
    """标准错误是不是看得见颜色的终端。"""
    return sys.stderr.isatty() and _capable() and _coloured()


@functools.cache
def _capable() -> bool:
    """终端认不认得控制码；没有说是什么终端的当作不认得。"""
    from prompt_toolkit.utils import get_term_environment_variable

    return get_term_environment_variable().lower() not in _DUMB


@functools.cache
def _coloured() -> bool:
    """没有设 ``NO_COLOR``。"""
    from prompt_toolkit.output.color_depth import ColorDepth

    return ColorDepth.from_env() is not ColorDepth.DEPTH_1_BIT


@contextlib.contextmanager
def deaf_stops(stop: threading.Event) -> Iterator[None]:
    """写不出去（管道断了、磁盘满了）时像 Ctrl-C 那样停：进行中的做完，不再开新的。"""
    try:
        yield
    except OSError:
        stop.set()
        let_go()


def let_go() -> None:
    """写不出去的标准流换成空的，免得解释器退出时再写一次，改了退出码。"""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)
