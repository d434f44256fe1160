"""量的时候用的机器与版本；不含主机名与路径。"""

import os
import platform
import shutil
import sqlite3
import subprocess
from importlib.metadata import version

from pam_deploy_graph import __version__

_LIBRARIES = ("langgraph", "langgraph-checkpoint-sqlite", "mcp", "aiohttp", "SQLAlchemy", "pydantic")
_TOOLS = {"bash": 3, "curl": 1}
"""工具名，与版本号在 ``--version`` 第一行的第几个词。"""


def load() -> float:
    """此刻的 1 分钟平均负载；核数之内的机器才算清静。"""
    return os.getloadavg()[0]


def describe(before: float) -> list[str]:
    """返回几行说明：核数、开始（``before``）与结束时的负载，解释器，各库与工具的版本。"""
    cores = len(os.sched_getaffinity(0))
    libraries = "，".join(f"{name} {version(name)}" for name in _LIBRARIES)
    tools = "，".join(f"{name} {_tool_version(name, place)}" for name, place in _TOOLS.items())
    versions = (
        f"pam-deploy-graph {__version__}，{platform.python_implementation()} {platform.python_version()}，"
        f"SQLite {sqlite3.sqlite_version}，{libraries}，{tools}"
    )
    loads = f"1 分钟平均负载：开始时 {before:.2f}，结束时 {load():.2f}"
    return [f"{cores} 核（{platform.machine()}，{platform.system()}），{loads}", versions]


def _tool_version(name: str, place: int) -> str:
    """一个工具的版本；没有装写「无」。"""
    if not shutil.which(name):
        return "无"
    first = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return first.split()[place].partition("(")[0]
