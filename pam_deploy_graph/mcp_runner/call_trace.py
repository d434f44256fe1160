"""调用轨迹：每次 MCP 调用记一行，与脚本后端写的是同一个文件、同样的列。"""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.system.private_files import private_folder

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
_logger: Final = logging.getLogger(__name__)


def append_trace(state: AgentState, server: str, ip: str | None, result: ActionResult) -> None:
    """记下一次调用。

    Args:
        state: 这次运行；没有设轨迹文件就不记。
        server: 服务的地址，或 stdio 服务的命令。
        ip: 哪台工作站；全局动作为 ``None``。
        result: 结果。

    """
    if not state.trace_file_path:
        return
    outcome = "done" if result.ok else ("in-doubt" if result.in_doubt else "failed")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    line = f"{now} {result.action} {ip or '-'} MCP {server} status={outcome} exit={result.exit_code}\n"
    try:
        _append(Path(state.trace_file_path), line.encode())
    except OSError as error:
        _logger.warning(tr("写不了跟踪文件 %s：%s"), state.trace_file_path, error.strerror)


def _append(path: Path, line: bytes) -> None:
    """在文件末尾加一行；不跟随链接；目录不存在就新建。"""
    try:
        descriptor = os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        private_folder(path.absolute().parent)
        descriptor = os.open(path, _FLAGS, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
