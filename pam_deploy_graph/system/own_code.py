"""只运行装好的代码：``python -m`` 会先看当前目录，那里的 ``httpx.py`` 之类不可以冒名顶替（contract 第 8 节末）。"""

import contextlib
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def leave_current_folder() -> None:
    """不再从当前目录导入；本程序自己就在那里（在检出目录里用）的除外。"""
    with contextlib.suppress(OSError):  # 当前目录已经不在了，也就没有什么可导入的
        here = Path.cwd()
        if here != _PACKAGE.parent:
            sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != here]
