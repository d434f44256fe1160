"""日志：读失败工作站的日志末尾，给报告页用。

``LOG_FILE`` 是对方给的路径，只读这次运行日志目录之内的普通文件（contract 第 3 节「动作表」）。
"""

import os
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.system.masking import mask

_LINES: Final = 20
_BYTES: Final = 32_768
"""从文件末尾起至多读多少字节，再大的日志也不占内存。"""


def read_log_tails(
    report: Mapping[str, Any], *, home: Path, folder: Path, kept: Callable[[str], list[str]] = lambda _ip: []
) -> dict[str, str]:
    """读失败工作站的日志末尾。

    Args:
        report: ``report_object`` 的结果。
        home: 工作目录；相对路径先按当前目录找，再按它找。
        folder: 这次运行的日志目录；落在它之外的路径不读。
        kept: 本机没有这份日志的，别处留着的最后几行。

    Returns:
        工作站地址到末尾至多 20 行；没有失败的、没有日志的、读不了的都不在里面。

    """
    tails = {}
    for ip, workstation in report["ips"].items():
        if not (workstation["failure_reason"] and workstation["log_file"]):
            continue
        path = _found(workstation["log_file"], home, folder)
        if found := _tail(path) if path else "".join(f"{line}\n" for line in kept(ip)):
            tails[ip] = found
    return tails


def _found(name: str, home: Path, folder: Path) -> Path | None:
    """找到日志文件；不在日志目录之内或不是普通文件为 ``None``。"""
    if not name or "\0" in name:
        return None
    inside = [base.resolve() for base in (folder, home / folder)]
    for path in (Path(name).resolve(), (home / name).resolve()):
        if any(path.is_relative_to(base) for base in inside) and path.is_file():
            return path
    return None


def _tail(path: Path) -> str:
    """文件的最后几行；不是 UTF-8 的字节用替代字符。"""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _BYTES))
            lines = deque(file, maxlen=_LINES)
    except OSError:
        return ""
    return mask(b"".join(lines).decode("utf-8", errors="replace"))
