"""标准流：调用者关掉的（cron、服务管理器、``<&-``）补上空的，程序里处处可以读写。"""

import contextlib
import io
import json
import os
import shutil
import sys
from typing import Any, Final

from pam_deploy_graph.system.masking import mask

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
        if number and isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            with contextlib.suppress(OSError):  # 终端以读写方式打开的不能改，它的编码也就是终端的
                stream.reconfigure(errors="backslashreplace")  # 编码里没有的字写成转义，不因此停下


def json_text(value: Any, *, indent: int | None = None) -> str:
    """写成 JSON，遮过秘密。"""
    return mask(json.dumps(value, ensure_ascii=False, indent=indent))


def screen_width() -> int | None:
    """屏幕有几格宽；标准输出不是终端的为 ``None``，不折行。"""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
