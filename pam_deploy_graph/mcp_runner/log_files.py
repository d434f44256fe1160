"""把取回的工作站日志写到运行的日志目录；文件名与脚本后端相同，从不听服务的。"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.system.private_files import private_folder

if TYPE_CHECKING:
    from pam_deploy_graph.models import AgentState


def save_log(state: "AgentState", ip: str, text: str) -> str:
    """写下一份日志。

    Args:
        state: 这次运行。
        ip: 哪台工作站。
        text: 日志；长度已由一个应答的上限管住。

    Returns:
        文件的路径，在这次运行的日志目录里，权限 0600。

    Raises:
        McpFault: 写不了。

    """
    path = log_folder(state) / f"{ip.replace(':', '_')}.log"
    try:
        _write(path, text.encode(errors="replace"))
    except OSError as error:
        raise McpFault(
            tr("写不了日志文件 {path}：{problem}", path=path, problem=error.strerror), ScriptExit.CONFIG
        ) from None
    return str(path)


def _write(path: Path, content: bytes) -> None:
    """写一个文件（0600），不跟随链接；目录不存在就新建。"""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        private_folder(path.parent.absolute())
        descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(content)
