"""控制参数表：每个控制参数一行（contract 第 2 节）。

检查（``inputs.parameters``）、命令行选项、计划里怎样说、途中能不能改、模型的模式与提示都从这里派生。
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pam_deploy_graph.i18n import msgid

MAX_IN_FLIGHT: Final = 2_000
"""``max_parallel`` 的上限。"""
MAX_SECONDS: Final = 86_400
"""以秒计的参数的上限。"""


class Kind(StrEnum):
    """值的种类：决定怎样检查，也决定模型的模式里是什么类型。"""

    SCOPE = "scope"
    STRATEGY = "strategy"
    COUNT = "count"
    SHARE = "share"
    SHARES = "shares"
    FLAG = "flag"
    RUN_ID = "run-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """控制参数表的一行。

    ``about`` 是设置页面与 OpenAPI 里的说明；``option`` 是命令行选项，空串是由名字而来；``help`` 是选项的说明，
    空串的没有选项。``least`` 与 ``most`` 是数的范围；``shown`` 是计划里的说法，``{value}`` 处填值，
    空串为另有地方说；``by_default`` 是与默认相同时的说法，空串为不说；``round_up`` 是百分比折成台数时往上取整；
    ``amendable`` 的在推出途中可以改；``widens`` 的说了反而多做，不算限度；``conditional`` 的说成条件，
    如「失败 3 台就停」；``guessable`` 的可以由模型从写着的台数猜出来，拿去问人；
    ``for_model`` 是告诉模型它是什么，空串的不在模型的模式里。
    """

    name: str
    kind: Kind
    about: str
    default: Any = None
    least: int = 0
    most: int | None = None
    option: str = ""
    metavar: str = "N"
    help: str
    shown: str = ""
    by_default: str = ""
    round_up: bool = True
    amendable: bool = False
    widens: bool = False
    conditional: bool = False
    guessable: bool = False
    for_model: str = ""

    @property
    def flag(self) -> str:
        """命令行选项。"""
        return self.option or f"--{self.name.replace('_', '-')}"


_ROWS: Final = (
    Control(
        name="target_ips",
        kind=Kind.SCOPE,
        about="部署到哪几台；不给是全部在线的",
        default=[],
        option="--targets",
        metavar="IPS",
        help="目标工作站：IP、列表、范围或网段，逗号分隔，可重复。",
        for_model='照抄原话的写法，如 "10.0.0.5-7"；要回滚的 IP 也写在这里',
    ),
    Control(
        name="exclude_ips",
        kind=Kind.SCOPE,
        about="不部署的几台",
        default=[],
        option="--exclude",
        metavar="IPS",
        help="不部署的工作站，写法同 --targets，可重复。",
        for_model="不要动的几台，写法同 target_ips",
    ),
    Control(
        name="execution_strategy",
        kind=Kind.STRATEGY,
        about="执行策略，决定哪一侧走哪个后端",
        default="",
        option="--strategy",
        metavar="NAME",
        help="执行策略：hybrid_node_mcp、script_only 或 fake。",
        for_model="script_only 用脚本、fake 演练、hybrid_node_mcp 混合或 MCP",
    ),
    Control(
        name="canary",
        kind=Kind.SHARE,
        about="先灰度几台，或范围的百分之几；0 是不灰度",
        default=0,
        metavar="N|P%",
        help="先灰度几台，或百分之几。",
        shown=msgid("先 {value} 台，看过再做其余的"),
        guessable=True,
        for_model="先灰度几台，或百分之几",
    ),
    Control(
        name="hold",
        kind=Kind.COUNT,
        about="灰度之后观察几秒，再验证一遍才推其余的",
        default=0,
        most=MAX_SECONDS,
        metavar="SECONDS",
        help="灰度之后观察几秒，再验证一遍。",
        shown=msgid("看 {value} 秒，再验证一遍"),
        for_model="灰度之后观察几秒",
    ),
    Control(
        name="confirm_canary",
        kind=Kind.FLAG,
        about="灰度之后再请人批准其余的",
        default=False,
        help="灰度之后再请人批准其余的。",
        shown=msgid("做其余的之前再请人批准"),
        for_model="灰度之后要不要再请人批准其余的",
    ),
    Control(
        name="waves",
        kind=Kind.SHARES,
        about="分几批：做到第几台、百分之几为止，如 `1, 5, 25%, 100%`；一批做完才做下一批",
        default=[],
        least=1,
        metavar="N,P%,…",
        help="分批：做到第几台、百分之几为止，例如 1,5,25%,100%。",
        shown=msgid("分批：做到第 {value} 台各停一下"),
        for_model='分批的界限，照次序，如 ["1","5","25%","100%"]',
    ),
    Control(
        name="max_parallel",
        kind=Kind.SHARE,
        about="同时几台，或范围的百分之几",
        default=1,
        least=1,
        most=MAX_IN_FLIGHT,
        metavar="N|P%",
        help="同时进行几台，或百分之几。",
        shown=msgid("同时 {value} 台"),
        by_default=msgid("逐台做"),
        round_up=False,
        amendable=True,
        for_model="每批或并发几台，或百分之几",
    ),
    Control(
        name="pause_between",
        kind=Kind.COUNT,
        about="一批与一批之间停几秒；没有说分批的，以 `max_parallel` 台为一批",
        default=0,
        most=MAX_SECONDS,
        metavar="SECONDS",
        help="一批与一批之间停几秒。",
        shown=msgid("一批与一批之间停 {value} 秒"),
        amendable=True,
        for_model="一批与一批之间停几秒",
    ),
    Control(
        name="ask_after",
        kind=Kind.COUNT,
        about="几台等决定时不再开新的，停下来问",
        default=1,
        least=1,
        help="几台等决定时停下来问。",
        shown=msgid("失败 {value} 台就停下来问"),
        by_default=msgid("失败 1 台就停下来问"),
        amendable=True,
        conditional=True,
        for_model="攒够几台再问人",
    ),
    Control(
        name="max_failures",
        kind=Kind.COUNT,
        about="失败满几台就不再继续；不给是不限",
        least=1,
        help="失败几台就不再继续。",
        shown=msgid("失败满 {value} 台就不再继续"),
        amendable=True,
        conditional=True,
        guessable=True,
        for_model="失败几台就停",
    ),
    Control(
        name="force",
        kind=Kind.FLAG,
        about="已在目标版本上、验证也通过的也重做",
        default=False,
        help="已在目标版本上的也重做。",
        shown=msgid("已是这个版本的也重做"),
        widens=True,
        for_model="已在目标版本上的要不要也重做",
    ),
    Control(
        name="failed_of",
        kind=Kind.RUN_ID,
        about="部署的是哪次运行里没有成功的",
        default="",
        metavar="RUN_ID",
        help="重做一次结束了的运行里没有成功的；别的选项压过原来的，参数不必重说。",
    ),
    Control(
        name="repaired_from",
        kind=Kind.RUN_ID,
        about="接着做的是哪次两份记录对不上的运行（`repair`）",
        default="",
        metavar="RUN_ID",
        help="",
    ),
)
CONTROLS: Final = {row.name: row for row in _ROWS}
"""控制参数名到那一行。"""
PACE: Final = frozenset(row.name for row in _ROWS if row.kind in {Kind.COUNT, Kind.SHARE, Kind.SHARES})
"""说节奏、限度的数目。"""
LIMITS: Final = PACE | {row.name for row in _ROWS if row.kind is Kind.FLAG and not row.widens}
"""丢了就会做得比说的多、比说的快的。"""
AMENDABLE: Final = tuple(row.name for row in _ROWS if row.amendable)
"""推出途中可以改的。"""
