"""在另一台主机上运行一个模块：``python on_host.py 主机名 模块 参数…``；自己的 UTS 名字空间，只有它与子进程看得见。"""

import ctypes
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

ON_HOST: Final = Path(__file__).resolve()
_NEW_UTS, _NEW_USER = 0x04000000, 0x10000000


def become(host: str) -> None:
    """换一个主机名；不许的抛出 ``OSError``。"""
    flags = _NEW_UTS if os.geteuid() == 0 else _NEW_UTS | _NEW_USER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname(host)


def may_unshare() -> bool:
    """这台机器许不许换主机名。"""
    argv = [sys.executable, str(ON_HOST), "x", "this"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    become(sys.argv[1])
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
