"""换一个主机名，再运行一个 Python 程序：``python on_host.py 主机名 -m 模块…``。"""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    become = runpy.run_path(str(Path(__file__).resolve().parents[1] / "postgres" / "on_host.py"))["become"]
    become(sys.argv[1])
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # noqa: S606 —— 换成要运行的那一个，不经 shell
