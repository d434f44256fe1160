"""状态表：一台工作站走到了哪里、回滚到了哪里，各叫什么（contract 第 6 节）。"""

from enum import StrEnum
from typing import Final

from pam_deploy_graph.i18n import Worded


class IpStatus(StrEnum):
    """单台工作站的状态（contract 第 6 节）。"""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    IN_DOUBT = "IN_DOUBT"


class RollbackStatus(StrEnum):
    """单台工作站的回滚状态（contract 第 6 节）。"""

    NOT_RUN = "ROLLBACK_NOT_RUN"
    PENDING = "PENDING_AGENT_CONFIRMATION"
    REJECTED = "REJECTED_BY_OPERATOR"
    DONE = "ROLLBACK_DONE"
    FAILED = "ROLLBACK_FAILED"


NOT_STARTED: Final = "NOT_STARTED"
OFFLINE: Final = "OFFLINE"
STATUS_WORDS: Final[Worded[str]] = Worded(
    {
        IpStatus.RUNNING: "进行中",
        IpStatus.SUCCESS: "成功",
        IpStatus.FAILED: "失败",
        IpStatus.IN_DOUBT: "结果未知",
        NOT_STARTED: "未开工",
        OFFLINE: "不在线",
        RollbackStatus.NOT_RUN: "没有回滚",
        RollbackStatus.PENDING: "等人决定",
        RollbackStatus.REJECTED: "不回滚，保持现状",
        RollbackStatus.DONE: "已回滚",
        RollbackStatus.FAILED: "回滚没有成功",
    }
)
"""一个代码只有一个说法。"""
