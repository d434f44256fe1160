"""策略与后端：哪一侧走哪个后端（contract 第 3 节）；别人的后端按入口点的名字找到。"""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.constants.actions import ACTIONS, Side
from pam_deploy_graph.i18n import tr

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "pam_deploy_graph.backends"
"""入口点的组；一个入口点指着收下令牌、给出后端的东西（类就行）。"""


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


_SIDES: Final[dict[str, dict[Side, str]]] = {
    ExecutionStrategy.HYBRID_NODE_MCP: {Side.HOME: Backend.SCRIPT, Side.NODE: Backend.MCP},
    ExecutionStrategy.SCRIPT_ONLY: dict.fromkeys(Side, Backend.SCRIPT),
    ExecutionStrategy.FAKE: dict.fromkeys(Side, Backend.FAKE),
}
_NODE_BY: Final = "hybrid_node_"
"""HOME 走脚本，NODE 走其后说的那个后端。"""


def _others() -> "dict[str, EntryPoint]":
    """装着的别人的后端，按名字；载入 ``importlib.metadata`` 不便宜，帮助用不着它。"""
    from importlib.metadata import entry_points

    return {each.name: each for each in entry_points(group=GROUP) if each.name not in set(Backend)}


def sides_of(strategy: str) -> dict[Side, str]:
    """返回一个策略里每一侧走的后端。

    Args:
        strategy: ``ExecutionStrategy`` 的某个值，或 ``hybrid_node_<装着的后端的名字>``。

    Raises:
        ValueError: 未知策略；消息里有可用的。

    """
    if strategy in _SIDES:
        return _SIDES[strategy]
    others = _others()
    if strategy.startswith(_NODE_BY) and (name := strategy.removeprefix(_NODE_BY)) in others:
        return {Side.HOME: Backend.SCRIPT, Side.NODE: name}
    allowed = tr("、").join([*ExecutionStrategy, *(f"{_NODE_BY}{name}" for name in others)])
    raise ValueError(
        tr("execution_strategy 的值 {strategy!r} 不认识，应为：{allowed}", strategy=strategy, allowed=allowed)
    )


def build_action_backends(strategy: str) -> dict[str, str]:
    """把策略展开成「动作 -> 后端」。

    Args:
        strategy: 同 ``sides_of``。

    Returns:
        每个动作对应 ``script`` | ``mcp`` | ``fake``，或别人的后端的名字。

    Raises:
        ValueError: 未知策略。

    """
    sides = sides_of(strategy)
    return {name: str(sides[spec.side]) for name, spec in ACTIONS.items()}


def load_backend(name: str) -> Callable[[str], Any] | None:
    """按名字取别人的后端：收下令牌、给出后端的东西；没有装着的为 ``None``。"""
    found = _others().get(name)
    return None if found is None else found.load()
