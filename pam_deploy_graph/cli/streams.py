"""标准流：调用者关掉的（cron、服务管理器、``<&-``）补上空的，程序里处处可以读写。"""

import os
import sys
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def stand_in_streams() -> None:
    """给关着的 0、1、2 号描述符各开一个空的；否则下一个打开的文件（例如账本）会顶了标准错误的号。"""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 —— 拿到的是最小的空号
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
