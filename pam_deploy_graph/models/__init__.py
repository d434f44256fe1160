"""核心数据结构：动作结果、一次运行的状态、理解结果（依据 contract 第 3、4、6 节）。"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

from pam_deploy_graph.constants import ExecutionStrategy as ExecutionStrategy
from pam_deploy_graph.constants import IpStatus, RollbackStatus
from pam_deploy_graph.models.understanding import LlmDeployPlan as LlmDeployPlan
from pam_deploy_graph.models.understanding import LlmIntentResult as LlmIntentResult
from pam_deploy_graph.models.understanding import LlmParamResult as LlmParamResult
from pam_deploy_graph.models.understanding import PlanStep as PlanStep
from pam_deploy_graph.protocol.action_result import ActionResult as ActionResult
from pam_deploy_graph.protocol.action_result import Values as Values

Event = dict[str, Any]

_IP_DEFAULTS: dict[str, Any] = {
    "status": str(IpStatus.RUNNING),
    "completed_steps": [],
    "failed_stage": "",
    "failure_reason": "",
    "rollback_status": str(RollbackStatus.NOT_RUN),
    "rollback_stop_first": False,
    "log_file": "",
    "version_before": "",
    "running_before": "",
    "key_before": "",
    "version_now": "",
    "running": "",
    "last_key": "",
    "before_attempt": "",
    "failed_key": "",
    "unauthorised": False,
    "read_at": 0,
    "to_version": "",
    "asked": 0,
}


_AFTER_SUCCESS: Final[dict[str, str]] = {RollbackStatus.DONE: "recalled", RollbackStatus.FAILED: "failed"}


class IpState(dict[str, Any]):
    """单台工作站的状态；本身就是 JSON 对象，``s["status"]`` 与 ``s.status`` 等价。"""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        """用默认值补齐缺少的键。"""
        super().__init__(_IP_DEFAULTS, completed_steps=[])
        self.update(values or {})

    def __getattr__(self, name: str) -> Any:
        """按属性读取一个键。"""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """按属性写入一个键。"""
        self[name] = value

    @property
    def awaits_decision(self) -> bool:
        """是否在等人决定回滚（包括回滚失败、可以重试的）。"""
        return self["rollback_status"] in (RollbackStatus.PENDING, RollbackStatus.FAILED)

    @property
    def tally(self) -> str:
        """它此刻算在哪一个数里，``report.counts`` 的键之一。

        成功之后照操作员的要求退回了原来的版本的，不再算成功，也不是失败；要退回而没有退成的算失败：它好不好没有人知道。
        """
        if self.get("owner"):  # 这次运行就是来退回它的
            return "recalled" if self["rollback_status"] == RollbackStatus.DONE else "failed"
        if self["status"] == IpStatus.SUCCESS:
            return _AFTER_SUCCESS.get(str(self["rollback_status"]), "succeeded")
        return "running" if self["status"] == IpStatus.RUNNING else "failed"


@dataclass
class AgentState:
    """一次运行的全部状态：账本事件的折叠；可变，调用者可以直接改属性。

    ``ip_states`` 只含已经开工的工作站。``ledger_seq`` 是已折叠到的账本行号，
    ``attempts`` 与 ``open_intents`` 以 ``"<ip 或 ->:<action>"`` 为键，分别是当前尝试次数和
    已写 INTENT 而未见 DONE 的尝试。``mcp_tools`` 是批准时 MCP 工具清单的指纹，空串为还没有批准；
    ``package_digest`` 是计划里那一份安装包的 SHA-256，还不知道的为空串；``endpoints`` 是其中的地址与程序，
    ``requested_by`` 是谁提出它的，
    ``moved`` 是后来变了、还没有人批准的。``keep_events`` 为假时不在内存保留事件（大机群用）。
    """

    run_id: str
    params: dict[str, str]
    execution_strategy: str
    action_backends: dict[str, str] = field(default_factory=dict)
    script_entry: str = ""
    script_base_dir: str = ""
    config_path: str = ""
    trace_file_path: str = ""
    checkpoint_path: str = ""
    hash_code: str = ""
    node_url: str = ""
    mcp_url: str = ""
    mcp_tools: str = ""
    package_digest: str = ""
    requested_by: str = ""
    registered_by: str = ""
    """登记它的账号；旧账本里的运行没有。"""
    endpoints: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    online_ips: list[str] = field(default_factory=list)
    requested_ips: list[str] | None = None
    target_ips: list[str] = field(default_factory=list)
    missing_ips: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """提出计划时名称清单里的名称，地址 -> 名称；只用来显示，不在摘要里。"""
    settled_ips: list[str] = field(default_factory=list)
    """程序算出的目标；与 ``target_ips`` 不同，就是调用者自己写了目标。"""
    control_params: dict[str, Any] = field(default_factory=dict)
    completed_global_steps: list[str] = field(default_factory=list)
    ip_states: dict[str, IpState] = field(default_factory=dict)
    pending_confirmation: str = ""
    last_success_step: str = ""
    last_failed_step: str = ""
    events: list[Event] = field(default_factory=list)
    ledger_seq: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    open_intents: dict[str, int] = field(default_factory=dict)
    issued: dict[str, int] = field(default_factory=dict)
    """写过 INTENT 的最近一次尝试，键同上：不在其中的键，账本不知道。"""
    canary_released: bool = False
    waves_done: int = 0
    """做完并放行了的几批，到第几台为止。"""
    same_cause: str = ""
    """接连几台都是它，因而停下来问过的那个毛病。"""
    rollback_of: str = ""
    """这次运行是退回哪一次；不是退回的为空串。"""
    generation: int = 0
    decisions_seen: int = 0
    plan_digest: str = ""
    plan_approved: str = ""
    """已照着动手的那份计划的摘要。"""
    plan_stage: str = ""
    plan_text: str = ""
    """请人批准的计划的原文，供别的终端看。"""
    asked_at: int = 0
    """最近一次请人批准计划（或改动）是何时，Unix 毫秒。"""
    last_at: int = 0
    """最近一个事件是何时，Unix 毫秒。"""
    amendment: dict[str, Any] = field(default_factory=dict)
    planned_ips: list[str] | None = None
    """请人批准的计划里的工作站；此后只动它们。"""
    plan_basis: dict[str, Any] = field(default_factory=dict)
    """最近一份完整的计划的摘要，与它管着的各项；途中的改动、灰度之后的不在内。"""
    seen_keys: dict[str, str] = field(default_factory=dict)
    """提出计划时看到的、每台最近一次生效的键；读回过的不再留着。"""
    seen_owners: list[str] = field(default_factory=list)
    """提出计划时给人看过的：最近动过这些工作站的、别处的运行。"""
    keep_events: bool = True
    nonce: str = ""
    """登记时取的随机数，是幂等键的一部分；没有登记的、从旧账本接过来的为空串。"""
    input_digest: str = ""
    """登记的输入的 SHA-256；输入此后改了一个字就对不上。"""
    registration: dict[str, Any] = field(default_factory=dict)
    """链上记着的登记：``run_id`` 与 ``created_at``；旧账本里的运行没有。"""
    exit_code: int | None = None
    end_reason: str = ""
    """链上记着的结束的原因。"""
    paused_by: str = ""
    """谁让它停一停；空串为没有。"""

    def label(self, ip: str) -> str:
        """一台怎样称呼：地址连同名称，没有名称就是地址。"""
        return f"{ip} {name}" if (name := self.names.get(ip)) else ip

    def to_dict(self) -> dict[str, Any]:
        """转成可写入 JSON 的字典。"""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """从 ``to_dict`` 的结果还原；不认识的键忽略，缺少的键、以前写成 ``null`` 的文字用默认值。"""
        texts = {each.name for each in fields(cls) if each.default == ""}
        known = {each.name for each in fields(cls)} - {name for name in texts if data.get(name) is None}
        state = cls(**{key: value for key, value in data.items() if key in known})
        state.adopt_ip_states()
        return state

    def adopt_ip_states(self) -> None:
        """把调用者放进 ``ip_states`` 的普通字典补齐成 ``IpState``。"""
        for ip, value in self.ip_states.items():
            if not isinstance(value, IpState):
                self.ip_states[ip] = IpState(value)
