"""动手的是哪个账号：由内核与用户数据库说，环境变量与自报的名字不算数（contract 第 8 节 ``confirm``）。"""

import contextlib
import os
import pwd
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """真正动手的账号；``terminal`` 没有终端时为空串，``sudo_user`` 是 sudo 说的原来的账号（只供参考）。"""

    name: str
    uid: int
    host: str
    terminal: str = ""
    sudo_user: str = ""

    def __str__(self) -> str:
        """记进账本的样子：``ops1(1001)@jump-host tty=/dev/pts/3 sudo=alice``。"""
        more = [f"tty={self.terminal}"] if self.terminal else []
        more += [f"sudo={self.sudo_user}"] if self.sudo_user else []
        return " ".join([f"{self.name}({self.uid})@{self.host}", *more])


def name_of(account: str) -> str:
    """记进账本的账号里的名字。"""
    return account.partition("(")[0]


def acting_account(sudo_user: str = "") -> Account:
    """返回本进程的账号。

    Args:
        sudo_user: 环境变量 ``SUDO_USER``，由读环境的一方给出。

    """
    uid = os.getuid()
    return Account(current_operator(), uid, socket.gethostname(), _terminal(), sudo_user)


def current_operator() -> str:
    """返回用户数据库里本进程 uid 的名字；没有名字时返回 ``uid:<号>``。"""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"


def _terminal() -> str:
    """本进程的终端；三个标准流都不是终端的没有。"""
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.ttyname(stream)
    return ""
