"""全项目共用的词、表与限度（依据 contract 第 2、3、6、8 节）。

几张表各有一个文件：动作（``actions``）、决定（``decisions``）、控制参数（``controls``）、状态（``statuses``）；
一件事实只写在表里。
"""

from enum import IntEnum, StrEnum
from typing import Final

from pam_deploy_graph.constants.actions import ACTIONS as ACTIONS
from pam_deploy_graph.constants.actions import ANSWER_KINDS as ANSWER_KINDS
from pam_deploy_graph.constants.actions import ActionSpec as ActionSpec
from pam_deploy_graph.constants.actions import Phase as Phase
from pam_deploy_graph.constants.actions import RepeatSafety as RepeatSafety
from pam_deploy_graph.constants.actions import Route as Route
from pam_deploy_graph.constants.actions import Side as Side
from pam_deploy_graph.constants.backends import Backend as Backend
from pam_deploy_graph.constants.backends import ExecutionStrategy as ExecutionStrategy
from pam_deploy_graph.constants.backends import build_action_backends as build_action_backends
from pam_deploy_graph.constants.controls import AMENDABLE as AMENDABLE
from pam_deploy_graph.constants.controls import CONTROLS as CONTROLS
from pam_deploy_graph.constants.controls import LIMITS as LIMITS
from pam_deploy_graph.constants.controls import MAX_IN_FLIGHT as MAX_IN_FLIGHT
from pam_deploy_graph.constants.controls import MAX_SECONDS as MAX_SECONDS
from pam_deploy_graph.constants.controls import PACE as PACE
from pam_deploy_graph.constants.controls import Control as Control
from pam_deploy_graph.constants.controls import Kind as Kind
from pam_deploy_graph.constants.decisions import DECISION_EVENTS as DECISION_EVENTS
from pam_deploy_graph.constants.decisions import DECISIONS as DECISIONS
from pam_deploy_graph.constants.decisions import PLAN_DECISIONS as PLAN_DECISIONS
from pam_deploy_graph.constants.decisions import REVIEW_DECISIONS as REVIEW_DECISIONS
from pam_deploy_graph.constants.decisions import WORDS as WORDS
from pam_deploy_graph.constants.decisions import Decision as Decision
from pam_deploy_graph.constants.decisions import offered as offered
from pam_deploy_graph.constants.statuses import NOT_STARTED as NOT_STARTED
from pam_deploy_graph.constants.statuses import OFFLINE as OFFLINE
from pam_deploy_graph.constants.statuses import STATUS_WORDS as STATUS_WORDS
from pam_deploy_graph.constants.statuses import IpStatus as IpStatus
from pam_deploy_graph.constants.statuses import RollbackStatus as RollbackStatus


class Ask(StrEnum):
    """图停下来问人的三件事（contract 第 5 节）：补参数、批准计划、回滚（与动作同名）。"""

    PARAMS = "provide_params"
    PLAN = "approve_plan"
    ROLLBACK = "rollback-ip"


CONFIRM: Final = "confirm"
"""说了有代价的事而没有问题等着时，要人再说一遍的问题；它不改变什么，不在规程要人定的三件之内。"""


class ExitCode(IntEnum):
    """命令行退出码（contract 第 8 节）。"""

    DONE = 0
    BUG = 1
    USAGE = 2
    WAITING = 10
    FINISHED_WITH_FAILURES = 11
    STOPPED = 12


class ScriptExit(IntEnum):
    """脚本后端退出码（contract 第 3 节）。"""

    DONE = 0
    USAGE = 2
    CONFIG = 3
    UNAUTHORISED = 4
    NOT_TAKEN = 5
    REFUSED = 6
    TIMEOUT = 7
    UNKNOWN = 8


GLOBAL_ACTION_SEQUENCE: Final[list[str]] = [a.name for a in ACTIONS.values() if a.phase is Phase.GLOBAL]
READ_ONLY_GLOBAL_ACTIONS: Final[list[str]] = [n for n in GLOBAL_ACTION_SEQUENCE if not ACTIONS[n].changes]
"""批准之前就可以做的检查。"""
IP_ACTION_SEQUENCE: Final[list[str]] = [a.name for a in ACTIONS.values() if a.phase is Phase.PER_IP]

REQUIRED_PARAMS: Final[list[str]] = ["AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER"]
DEFAULT_PARAMS: Final[dict[str, str]] = {
    "PAM_HOME_URL": "http://127.0.0.1:8080",
    "PACKAGE_PATH": "",
    "REQUEST_TIMEOUT": "120",
    "VERIFY_TIMEOUT": "180",
}
"""可选部署参数的默认值；时限单位为秒。配置文件是文本，所以值一律是字符串。"""

SYSLOG: Final = "syslog"
"""锚写到系统日志（`PAM_AUDIT_ANCHOR`）。"""
DEFAULT_STRATEGY: Final = ExecutionStrategy.HYBRID_NODE_MCP
AFTER_CANARY: Final = "after-canary"
"""计划的阶段：灰度做完，请人批准其余的。"""
AMENDED: Final = "amended"
"""计划的阶段：推出途中改了主意，请人批准改动。"""
RECALL: Final = "recall"
"""计划的阶段：运行结束之后的退回，请人批准它自己的计划。"""
REWIRED: Final = "rewired"
"""计划的阶段：动手之后地址、程序或 MCP 的工具变了，请人批准改用现在的。"""
MAX_SCOPE: Final = 65_536
"""一次请求最多展开出的地址个数，防止 ``10.0.0.0/8`` 之类的范围撑爆内存。"""
