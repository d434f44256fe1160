"""动作表：全项目唯一列出动作的地方（contract 第 3 节）。

别处需要动作清单、说明、时限、应答键时一律从 ``ACTIONS`` 派生，不得手写第二份；``check_rules`` 守着这一条。
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pam_deploy_graph.i18n import msgid


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


@dataclass(frozen=True, slots=True)
class Route:
    """PAM HTTP 的一个地址：``body`` 与 ``query`` 是放进正文、查询的输入名；``query`` 里的可以不给。"""

    method: str
    path: str
    body: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


_MODULE: Final = ("app", "module")
_WORKSTATION: Final = "/api/workstations/{ip}"
ANSWER_KINDS: Final[dict[str, type]] = {"SUCCESS": bool, "ONLINE": bool, "RUNNING": bool, "IP": list[str]}
"""应答里不是文本的键；别的都是文本，数目也是。"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """动作表的一行。

    ``about`` 是计划与页面里给人看的一句话，``tool_about`` 是 MCP 工具的说明（只有 NODE 的动作有）。
    ``own_route`` 是 NODE 的 HTTP 地址，空的照惯例：工作站上以动词命名的那个。
    ``needs`` 是调用时必须给出的关键字参数，``may_need`` 是可以给出的；``gives`` 是成功应答必须带的键，缺一即不算成功，
    ``may_give`` 是可有可无的键；``time_limit_param`` 指出由哪个参数决定时限（秒）。
    ``changes`` 为真的会改变外界，其中 ``additive`` 的只增不毁；
    ``running_after`` 是它生效之后模块应当在不在运行，``None`` 为不由它决定。
    """

    name: str
    side: Side
    phase: Phase
    repeat: RepeatSafety = RepeatSafety.YES
    about: str
    tool_about: str = ""
    own_route: Route | None = None
    needs: tuple[str, ...] = ()
    may_need: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    may_give: tuple[str, ...] = ()
    time_limit_param: str = "REQUEST_TIMEOUT"
    changes: bool = False
    additive: bool = False
    running_after: bool | None = None

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

    @property
    def verb(self) -> str:
        """短名：地址的最后一段，也是试验场故障里的叫法。"""
        return self.name.removesuffix("-ip").removeprefix("download-")

    @property
    def route(self) -> Route:
        """NODE 的动作在 PAM HTTP 里的地址（contract 第 3 节）。"""
        return self.own_route or Route("POST", f"{_WORKSTATION}/{self.verb}", (*_MODULE, "version"))


def _home(name: str, about: str, **columns: Any) -> ActionSpec:
    """PAM_HOME 的一行。"""
    return ActionSpec(name=name, side=Side.HOME, phase=Phase.GLOBAL, about=about, **columns)


def _node(name: str, about: str, tool_about: str, **columns: Any) -> ActionSpec:
    """PAM_NODE 的一行；没有另说的是每台工作站都做的步骤。"""
    rest = {"phase": Phase.PER_IP, "needs": ("ip",)} | columns
    return ActionSpec(name=name, side=Side.NODE, about=about, tool_about=tool_about, **rest)


_KEYED: Final = {"repeat": RepeatSafety.BY_KEY, "changes": True}
_ROWS: Final = (
    _home("check-home", msgid("确认 PAM_HOME 可用"), gives=("HOME_VERSION",)),
    _home(
        "upload-package",
        msgid("上传安装包并取得 SHA-256"),
        repeat=RepeatSafety.BY_CONTENT,
        changes=True,
        additive=True,
        gives=("HASH_CODE",),
    ),
    _home(
        "publish-version",
        msgid("在 PAM_HOME 发布这个版本"),
        **_KEYED,
        additive=True,
        needs=("hash_code",),
        gives=("PUBLISH_ID",),
    ),
    _home("get-node-url", msgid("查这座机场的 PAM_NODE 地址"), gives=("NODE_URL",), may_give=("MCP_URL",)),
    _node(
        "sync-node",
        msgid("让 PAM_NODE 拉取这个版本并核对 SHA-256"),
        "让 PAM_NODE 从 PAM_HOME 拉取一个已发布的版本，返回它自己算出的散列",
        own_route=Route("POST", "/api/sync", (*_MODULE, "version", "hash_code")),
        phase=Phase.GLOBAL,
        changes=True,
        additive=True,
        needs=("hash_code",),
        gives=("HASH_CODE",),
    ),
    _node(
        "get-online-ips",
        msgid("取在线的工作站并核对机场代码"),
        "列出本机场在线的工作站",
        own_route=Route("GET", "/api/workstations?online=true"),
        phase=Phase.GLOBAL,
        needs=(),
        gives=("IP", "AIRPORT_CODE"),
    ),
    _node(
        "stop-ip",
        msgid("停止模块"),
        "停止一台工作站上正在运行的模块",
        **_KEYED,
        gives=("MESSAGE",),
        running_after=False,
    ),
    _node(
        "deploy-ip",
        msgid("部署新版本"),
        "把一个已同步的版本装到一台工作站上，替换当前版本",
        **_KEYED,
        gives=("MESSAGE",),
        running_after=False,
    ),
    _node(
        "start-ip",
        msgid("启动模块"),
        "启动一台工作站上已装好的版本",
        **_KEYED,
        additive=True,
        gives=("MESSAGE",),
        running_after=True,
    ),
    _node(
        "verify-ip",
        msgid("验证新版本在运行"),
        "向一台工作站的健康探针查证正在运行的版本",
        gives=("SUCCESS", "MESSAGE", "VERSION"),
        time_limit_param="VERIFY_TIMEOUT",
    ),
    _node(
        "download-log",
        msgid("取回日志"),
        "取回一台工作站上一个模块的日志；日志是文本内容，LOG_FILE 是建议的文件名",
        own_route=Route("GET", f"{_WORKSTATION}/log", query=_MODULE),
        gives=("LOG_FILE",),
    ),
    _node(
        "rollback-ip",
        msgid("退回这次运行之前的版本"),
        "把一台工作站退回这次运行之前的样子；必须先有人的批准",
        own_route=Route("POST", f"{_WORKSTATION}/rollback", (*_MODULE, "stop_first", "to_version")),
        **_KEYED,
        phase=Phase.APPROVAL,
        needs=("ip", "stop_first"),
        may_need=("to_version",),
        gives=("SUCCESS", "MESSAGE", "VERSION", "RUNNING"),
        running_after=True,
    ),
    _node(
        "query-ip",
        msgid("查询工作站的真实情况"),
        "查询一台工作站的真实情况和最近一次生效的幂等键",
        own_route=Route("GET", _WORKSTATION, query=_MODULE),
        phase=Phase.RECONCILIATION,
        gives=("ONLINE", "RUNNING", "VERSION", "LAST_KEY"),
        may_give=("PREVIOUS_VERSION",),
    ),
)
ACTIONS: Final = {row.name: row for row in _ROWS}
"""动作名到那一行，按合同的次序。"""
