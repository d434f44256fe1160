"""在另一台主机上运行命令行：自己的 UTS 名字空间，主机名由第一个参数给；由 ``Pam.job`` 启动。"""

import ctypes
import os
import runpy
import socket
import sys

_NEW_UTS, _NEW_USER = 0x04000000, 0x10000000


def become(host: str) -> None:
    """换一个主机名，只有本进程与它的子进程看得见；不许的抛出 ``OSError``。"""
    flags = _NEW_UTS if os.geteuid() == 0 else _NEW_UTS | _NEW_USER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname(host)


if __name__ == "__main__":
    become(sys.argv[1])
    sys.argv = ["pam_deploy_graph", *sys.argv[2:]]
    runpy.run_module("pam_deploy_graph", run_name="__main__", alter_sys=True)
