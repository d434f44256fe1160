"""检查报告页的图过时没有：拍图时记下页面源码的摘要，源码变了而没有重拍就不通过。

图本身每次拍都有几个时间不同，所以比的是 ``pam_deploy_graph/report/html`` 的内容，不是图的字节。
``docs/images/chat.svg`` 是生成的页面，由 ``make docs`` 与 ``make generated`` 管。
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.source import Offence, parse_root, report, tracked_files

SOURCES: Final = "pam_deploy_graph/report/html"
RECORD: Final = "docs/images/report.sources"
"""拍 ``docs/images/report.png`` 时页面源码的摘要（SHA-256）。"""


def fingerprint(root: Path) -> str:
    """返回报告页源码的摘要，末尾有换行。"""
    digest = hashlib.sha256()
    for path in sorted(tracked_files(root)):
        if path.is_relative_to(root / SOURCES):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest() + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的图。"""
    root = parse_root(__doc__, argv)
    record = root / RECORD
    fresh = record.is_file() and record.read_text(encoding="utf-8") == fingerprint(root)
    stale = [] if fresh else [Offence(f"{RECORD}:1", "报告页改过而图没有重拍；请运行 python -m tools.picture_report")]
    return report(stale, f"图：1 幅，过时 {len(stale)} 幅")


if __name__ == "__main__":
    sys.exit(main())
