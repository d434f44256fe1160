"""锚：把链尾记到账本之外，只可追加的文件或系统日志；重写账本的人改不了那里（docs/audit.md）。"""

import contextlib
import json
import os
import syslog
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import SYSLOG

_TAG: Final = "pam-deploy-anchor"
_LONGEST_LINE: Final = 64 << 10
"""锚的文件只增不减，所以一行一行读；一行再长也只读这么多。"""


def write_anchor(where: str, head: dict[str, Any]) -> None:
    """记下一个链尾；``where`` 是文件的路径或 ``syslog``，空串是不记。

    Raises:
        OSError: 文件写不了。

    """
    if not where:
        return
    line = json.dumps(head, ensure_ascii=False, sort_keys=True)
    if where == SYSLOG:
        syslog.openlog(_TAG, facility=syslog.LOG_AUTHPRIV)
        syslog.syslog(syslog.LOG_NOTICE, line)
        return
    handle = os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(handle)


def read_anchors(where: str, ledger_id: str, run_id: str) -> Iterator[dict[str, Any]]:
    """读一个文件里关于这次运行的锚；别的账本的、读不懂的行（日志里的别的话）不算。"""
    if not where or where == SYSLOG or not Path(where).is_file():
        return
    with Path(where).open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(_LONGEST_LINE):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                anchor = json.loads(line[line.index("{") :])
                if (anchor["ledger"], anchor["run_id"]) == (ledger_id, run_id):
                    yield {name: anchor[name] for name in ("seq", "link", "decisions", "decision_link", "at")}
