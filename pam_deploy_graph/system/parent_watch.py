"""随父进程结束：由别的程序启动的 ``lab`` 与 ``mcp-node``，父进程没了（哪怕是 kill -9）就不留下。

父进程以选项 ``--with-parent`` 启动它，并留着它标准输入那根管道的另一头。不用 PR_SET_PDEATHSIG：
那是 Linux 独有的，而且启动它的那个线程一结束就会发作。
"""

import os
import threading
from collections.abc import Callable
from typing import Annotated

import typer

WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True, help="标准输入关闭即结束；由启动它的程序给")]


def when_parent_ends(leave: Callable[[], object]) -> None:
    """父进程没了的时候做一件事。

    Args:
        leave: 标准输入关闭时调用，在另一个线程里。

    """
    threading.Thread(target=_wait, args=(leave,), daemon=True).start()


def _wait(leave: Callable[[], object]) -> None:
    """等到标准输入关闭。"""
    while os.read(0, 4_096):
        pass
    leave()
