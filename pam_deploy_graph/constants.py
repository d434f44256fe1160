"""动作表与全局常量：全项目唯一列出动作的地方（依据 contract 第 2、3、6、8 节）。

别处需要动作清单、时限、应答键时一律从 ``ACTIONS`` 派生，不得手写第二份。
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class Side(StrEnum):
    """动作由哪一级 PAM 完成。"""

    HOME = "HOME"
    NODE = "NODE"


class Phase(StrEnum):
    """动作在一次部署里的位置。"""

    GLOBAL = "global"
    PER_IP = "per-ip"
    APPROVAL = "on-approval"
    RECONCILIATION = "reconciliation"


class RepeatSafety(StrEnum):
    """同一动作做两次是否安全。

    ``YES`` 只读或天然幂等；``BY_CONTENT`` 内容相同则无变化；
    ``BY_KEY`` 只有带同一幂等键才安全，因此动手之前必须先在账本写下 INTENT。
    """

    YES = "yes"
    BY_CONTENT = "by-content"
    BY_KEY = "by-key"


class ExecutionStrategy(StrEnum):
    """执行策略：哪一侧走哪个后端。"""

    HYBRID_NODE_MCP = "hybrid_node_mcp"
    SCRIPT_ONLY = "script_only"
    FAKE = "fake"


class Backend(StrEnum):
    """动作到达 PAM 的方式。"""

    SCRIPT = "script"
    MCP = "mcp"
    FAKE = "fake"


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


class Decision(StrEnum):
    """人对一个问题的回答：同意、保持原样、查清真相后继续。"""

    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"


class Ask(StrEnum):
    """图停下来问人的三件事（contract 第 5 节）：补参数、批准计划、回滚（与动作同名）。"""

    PARAMS = "provide_params"
    PLAN = "approve_plan"
    ROLLBACK = "rollback-ip"


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
    NETWORK = 5
    REFUSED = 6
    TIMEOUT = 7


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """动作表的一行。

    ``needs`` 是调用时必须给出的关键字参数；``gives`` 是成功应答必须带的键，缺一即失败；
    ``may_give`` 是可有可无的键；``time_limit_param`` 指出由哪个参数决定时限（秒）。
    """

    name: str
    side: Side
    phase: Phase
    repeat: RepeatSafety
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    may_give: tuple[str, ...] = ()
    time_limit_param: str = "REQUEST_TIMEOUT"
    changes: bool = False

    @property
    def needs_intent(self) -> bool:
        """动手之前是否必须先在账本写下 INTENT。"""
        return self.repeat is RepeatSafety.BY_KEY

    @property
    def per_ip(self) -> bool:
        """是否针对单台工作站。"""
        return "ip" in self.needs

    @property
    def tool_name(self) -> str:
        """MCP 工具名：动作名的 ``-`` 换成 ``_``。"""
        return self.name.replace("-", "_")


def _table(*rows: ActionSpec) -> dict[str, ActionSpec]:
    """把各行收成按动作名索引、保持书写顺序的表。"""
    return {row.name: row for row in rows}


_G, _P, _A, _R = Phase.GLOBAL, Phase.PER_IP, Phase.APPROVAL, Phase.RECONCILIATION
_YES, _CONTENT, _KEY = RepeatSafety.YES, RepeatSafety.BY_CONTENT, RepeatSafety.BY_KEY
_VERDICT = ("SUCCESS", "MESSAGE", "VERSION")

ACTIONS: Final = _table(
    ActionSpec("check-home", Side.HOME, _G, _YES, gives=("HOME_VERSION",)),
    ActionSpec("upload-package", Side.HOME, _G, _CONTENT, gives=("HASH_CODE",), changes=True),
    ActionSpec("publish-version", Side.HOME, _G, _KEY, ("hash_code",), ("PUBLISH_ID",), changes=True),
    ActionSpec("get-node-url", Side.HOME, _G, _YES, gives=("NODE_URL",), may_give=("MCP_URL",)),
    ActionSpec("sync-node", Side.NODE, _G, _YES, ("hash_code",), ("HASH_CODE",), changes=True),
    ActionSpec("get-online-ips", Side.NODE, _G, _YES, gives=("IP", "AIRPORT_CODE")),
    ActionSpec("stop-ip", Side.NODE, _P, _KEY, ("ip",), ("MESSAGE",), changes=True),
    ActionSpec("deploy-ip", Side.NODE, _P, _KEY, ("ip",), ("MESSAGE",), changes=True),
    ActionSpec("start-ip", Side.NODE, _P, _KEY, ("ip",), ("MESSAGE",), changes=True),
    ActionSpec("verify-ip", Side.NODE, _P, _YES, ("ip",), _VERDICT, time_limit_param="VERIFY_TIMEOUT"),
    ActionSpec("download-log", Side.NODE, _P, _YES, ("ip",), ("LOG_FILE",)),
    ActionSpec("rollback-ip", Side.NODE, _A, _KEY, ("ip", "stop_first"), _VERDICT, changes=True),
    ActionSpec("query-ip", Side.NODE, _R, _YES, ("ip",), ("ONLINE", "RUNNING", "VERSION", "LAST_KEY")),
)

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

DEFAULT_STRATEGY: Final = ExecutionStrategy.HYBRID_NODE_MCP
AFTER_CANARY: Final = "after-canary"
"""计划的阶段：灰度做完，请人批准其余的。"""
AMENDED: Final = "amended"
"""计划的阶段：推出途中改了主意，请人批准改动。"""
MAX_SCOPE: Final = 65_536
"""一次请求最多展开出的地址个数，防止 ``10.0.0.0/8`` 之类的范围撑爆内存。"""
MAX_IN_FLIGHT: Final = 2_000
"""``max_parallel`` 的上限。"""


def build_action_backends(strategy: str) -> dict[str, str]:
    """把策略展开成「动作 -> 后端」。

    Args:
        strategy: ``ExecutionStrategy`` 的某个值。

    Returns:
        每个动作对应 ``script`` | ``mcp`` | ``fake``。

    Raises:
        ValueError: 未知策略。

    """
    sides = {
        ExecutionStrategy.HYBRID_NODE_MCP: {Side.HOME: Backend.SCRIPT, Side.NODE: Backend.MCP},
        ExecutionStrategy.SCRIPT_ONLY: dict.fromkeys(Side, Backend.SCRIPT),
        ExecutionStrategy.FAKE: dict.fromkeys(Side, Backend.FAKE),
    }
    try:
        chosen = sides[ExecutionStrategy(strategy)]
    except ValueError:
        allowed = "、".join(ExecutionStrategy)
        raise ValueError(f"execution_strategy 的值 {strategy!r} 不认识，应为：{allowed}") from None
    return {name: str(chosen[spec.side]) for name, spec in ACTIONS.items()}
