"""图的状态：只放「谈到哪里了」，全是 JSON 值（architecture「图」）。

对外界做过什么在账本里；这里除了等人决定的几台，没有工作站清单。
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_origin, get_type_hints

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph.message import add_messages
from pydantic import Field

# 服务器要由它生成 JSON Schema；Python 3.11 的 typing.TypedDict 不行
from typing_extensions import TypedDict

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.graph.input_schema import CONTROL, PARAMS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Approval

PREVIEWED: Final = "previewed"
"""``phase``：刚看过预演，还没有登记；说「就按这个执行」就照它提出计划。"""

UNREAD: Final = "unread"
"""``intent``：问题上的回答看不懂，没有什么要听，回去再问。"""


class GraphInput(TypedDict, total=False):
    """图的输入：``messages`` 是原话，或现成的 ``params`` 与 ``control``；``run_id`` 可以自己取名。"""

    messages: Annotated[list[AnyMessage], add_messages]
    params: Annotated[dict[str, str], PARAMS]
    control: Annotated[dict[str, Any], CONTROL]
    run_id: Annotated[str, Field(description="运行名；不给就自己取一个")]


class GraphState(TypedDict, total=False):
    """图的状态。

    输入给 ``messages``（原话），或现成的 ``params`` 与 ``control``。``phase`` 是走到的阶段，
    ``problem`` 是上一次回答不能接受的原因，
    ``heard`` 是已摘过参数的原话条数，``waiting`` 是正等人决定的问题，
    ``out_of_service`` 是停用的几台（一行，没有为空串），``counters`` 是各状态的台数，
    ``decided`` 是刚答过的问题「摘要 -> 谁决定了什么」，``answered`` 表示这一次只回答了一句话，
    ``ledger`` 是写下时账本的位置（``id``、``run_id``、``seq``、``link``），还没有登记的为空，
    ``home_asked`` 是正问着人要不要用的、话里说的 HOME，
    ``confirm`` 是等人再说一遍才做的事（``intent``、代价 ``costs``；说过了的有 ``given``）。
    """

    messages: Annotated[list[AnyMessage], add_messages]
    run_id: str
    intent: str
    params: dict[str, str]
    control: dict[str, Any]
    missing: list[str]
    notes: list[str]
    plan: dict[str, Any]
    phase: str
    problem: str
    heard: int
    counters: dict[str, int]
    waiting: list[dict[str, Any]]
    out_of_service: str
    decided: dict[str, dict[str, str]]
    answer: str
    answered: bool
    exit_code: int
    confirm: dict[str, str]
    home_asked: str
    ledger: dict[str, Any]


def misshapen(what: str) -> LedgerError:
    """检查点里的一项不对的错误。"""
    return LedgerError(
        tr("检查点里的{what}不对：已经损坏，或不是本程序写的；移走检查点文件之后再 resume，会从账本继续", what=what)
    )


def refuse_misshapen(values: Mapping[str, Any]) -> None:
    """检查点里的状态要是这个样子；别人备好的、改坏的说成一句话。

    Raises:
        LedgerError: 有一项不是那种值；消息说出是哪一项、怎么办。

    """
    for name, hint in get_type_hints(GraphState).items():
        kind = get_origin(hint) or hint
        if name in values and not isinstance(values[name], kind):
            raise misshapen(f" {name} ")


Question = Literal["ask-params", "approve-plan", "rollback-confirm"]


def open_question(state: GraphState) -> Question | None:
    """返回还等着人回答的那个节点；没有为 ``None``。

    聊天界面里人可以不理会问题另说一句话，LangGraph 随即丢下中断；话说完要回到这里再问。
    """
    phase = state.get("phase")
    if phase == "waiting" and state.get("waiting"):
        return "rollback-confirm"
    if phase == "planned":
        return "approve-plan"
    return "ask-params" if phase == "params" and (state.get("missing") or state.get("problem")) else None


def asks_again(state: GraphState) -> bool:
    """没有别的问题等着，说了有代价的事，要人再说一遍。"""
    confirm = state.get("confirm") or {}
    return bool(confirm) and not confirm.get("given") and not open_question(state)


def astray(state: GraphState) -> bool:
    """账本说不在这里：运行了结了（``closing``），或停着、正由别处执行（``diverted``）。"""
    return state.get("phase") in ("closing", "diverted")


def words_of(state: GraphState) -> list[str]:
    """返回人说过的话，先后为序。"""
    return [str(message.text) for message in state.get("messages", []) if isinstance(message, HumanMessage)]


def unheard(state: GraphState) -> bool:
    """有没有还没听过的话。"""
    return len(words_of(state)) > state.get("heard", 0)


def named(approvals: Iterable[Approval]) -> dict[str, dict[str, str]]:
    """把决定写成 ``decided``：摘要 -> 谁决定了什么。"""
    return {one.digest: {"operator": one.operator, "decision": one.decision} for one in approvals}
