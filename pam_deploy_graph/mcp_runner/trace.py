"""调用轨迹：每次 MCP 调用记一行，与脚本后端写的是同一个文件、同样的列。"""

import os
from datetime import UTC, datetime
from pathlib import Path

from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.private_files import private_folder


def append_trace(state: AgentState, server: str, ip: str | None, result: ActionResult) -> None:
    """记下一次调用。

    Args:
        state: 这次运行；没有设轨迹文件就不记。
        server: 服务的地址，或 ``stdio``。
        ip: 哪台工作站；全局动作为 ``None``。
        result: 结果。

    """
    if not state.trace_file_path:
        return
    outcome = "done" if result.ok else ("in-doubt" if result.in_doubt else "failed")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    line = f"{now} {result.action} {ip or '-'} MCP {server} status={outcome} exit={result.exit_code}\n"
    path = Path(state.trace_file_path)
    private_folder(path.absolute().parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        file.write(line.encode())
