"""核心数据结构：动作结果、一次运行的状态、理解结果（依据 contract 第 3、4、6 节）。"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Self

from pam_deploy_graph.constants import ACTIONS, IpStatus, RollbackStatus, ScriptExit
from pam_deploy_graph.constants import ExecutionStrategy as ExecutionStrategy
from pam_deploy_graph.models.understanding import LlmDeployPlan as LlmDeployPlan
from pam_deploy_graph.models.understanding import LlmIntentResult as LlmIntentResult
from pam_deploy_graph.models.understanding import LlmParamResult as LlmParamResult
from pam_deploy_graph.models.understanding import PlanStep as PlanStep
from pam_deploy_graph.system.masking import mask, masked

Event = dict[str, Any]
Values = dict[str, Any]


_ANY_NUMBER: Final = frozenset({"IP", "MESSAGE"})
"""可以有几个值的键；其余的各有一个。"""
_LIKE_TEXT: Final = (int, float, bool, type(None))
_LONGEST_REASON: Final = 2_000
_KEYS: Final = {name: (spec.gives, spec.may_give) for name, spec in ACTIONS.items()}
"""每个动作的应答要带的键、可有可无的键。"""


def _text(value: object) -> str:
    """一个值的文字：``None`` 是空串，真假照脚本的写法。"""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _shortened(reason: str) -> str:
    """太长的原因只留开头：它要进账本、报告与问题，不是放日志的地方。"""
    if len(reason) <= _LONGEST_REASON:
        return reason
    note = f"…（共 {len(reason)} 个字符）"
    return reason[: _LONGEST_REASON - len(note)] + note


@dataclass(slots=True)
class ActionResult:
    """一次动作的结果。

    ``ok`` 为真表示对方明确答复成功；``in_doubt`` 为真表示请求可能已经送达而答复没有回来，
    结果未知，不得当作失败重做。``values`` 的键一律大写；``exit_code`` 用脚本后端的含义。
    """

    ok: bool
    action: str
    backend: str
    values: Values = field(default_factory=dict)
    error_summary: str = ""
    in_doubt: bool = False
    exit_code: int = 0
    lacks: tuple[str, ...] = ()
    """对方说成功而应答里缺的键；只因此改判的才有。"""

    @classmethod
    def failure(
        cls,
        action: str,
        backend: str,
        reason: str,
        *,
        in_doubt: bool = False,
        exit_code: int = ScriptExit.REFUSED,
        values: Values | None = None,
    ) -> Self:
        """构造一个失败（或结果未知）的结果；原因里的 NUL 换成转义的写法，数据库与终端都不收它。"""
        return cls(
            ok=False,
            action=action,
            backend=backend,
            values=values or {},
            error_summary=reason.replace("\0", "\\0"),
            in_doubt=in_doubt,
            exit_code=exit_code,
        )

    def missing_keys(self) -> list[str]:
        """返回成功应答里欠缺的键（动作表的 ``gives``）。"""
        return [key for key in ACTIONS[self.action].gives if key not in self.values]

    def checked(self) -> Self:
        """返回核对过的结果。

        成功而缺少动作表要求的键、或键的值不成文字，是失败；失败总有一句原因，太长的截短。
        """
        if not self.ok:
            said = _shortened(self.error_summary) or "后端没有说明原因"
            return self if said == self.error_summary else replace(self, error_summary=said)
        values, (owed, more) = self.values, _KEYS[self.action]
        for key in owed:  # 每个动作都走这里：绝大多数应答看一眼就过
            if type(values.get(key)) is not str:
                return self._tidied()
        return self._tidied() if any(key in values for key in more) else self

    def _tidied(self) -> Self:
        """缺键、值不成文字的失败，其余的值写成文字。"""
        if missing := self.missing_keys():
            reason = f"{self.action} 的应答缺少 {', '.join(missing)}"
            return replace(self.failure(self.action, self.backend, reason, values=self.values), lacks=tuple(missing))
        single = [key for keys in _KEYS[self.action] for key in keys if key in self.values and key not in _ANY_NUMBER]
        other = {key: self.values[key] for key in single if not isinstance(self.values[key], str)}
        # SUCCESS 是什么都行：不是真就是假，由判断的人去说原因
        if odd := [key for key, value in other.items() if key != "SUCCESS" and not isinstance(value, _LIKE_TEXT)]:
            shown = "、".join(f"{key}（{type(other[key]).__name__}）" for key in odd)
            return self.failure(self.action, self.backend, f"{self.action} 的应答里 {shown} 应为一个文字")
        return replace(self, values=self.values | {key: _text(other[key]) for key in other}) if other else self

    def masked(self) -> Self:
        """返回遮过秘密的结果：别人写的后端也可能把令牌原样带回来。"""
        values, summary = masked(self.values), mask(self.error_summary)
        same = values is self.values and summary == self.error_summary
        return self if same else replace(self, values=values, error_summary=summary)


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
        """是否在等人决定回滚（包括回滚失败、可以再试的）。"""
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
    endpoints: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    online_ips: list[str] = field(default_factory=list)
    requested_ips: list[str] | None = None
    target_ips: list[str] = field(default_factory=list)
    missing_ips: list[str] = field(default_factory=list)
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
    canary_released: bool = False
    waves_done: int = 0
    """做完并放行了的几批，到第几台为止。"""
    same_cause: str = ""
    """接连几台都是它，因而停下来问过的那个毛病。"""
    rollback_of: str = ""
    """这次运行是退回哪一次；不是退回的为空串。"""
    generation: int = 0
    plan_digest: str = ""
    plan_stage: str = ""
    plan_text: str = ""
    """请人批准的计划的原文，供别的终端看。"""
    amendment: dict[str, Any] = field(default_factory=dict)
    planned_ips: list[str] | None = None
    """请人批准的计划里的工作站；此后只动它们。"""
    keep_events: bool = True
    nonce: str = ""
    """登记时取的随机数，是幂等键的一部分；没有登记的、从旧账本接过来的为空串。"""

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
