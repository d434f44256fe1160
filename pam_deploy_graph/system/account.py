"""操作员是谁：没有说就是系统用户。"""

import getpass
import os


def current_operator() -> str:
    """返回系统用户名；容器里的 uid 没有名字时返回 ``uid:<号>``。"""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid:{os.getuid()}"
