"""工作站最近一次生效的键是谁留下的：账本不认得自己的键，就是账本落后了；是别人的，就说出是谁。"""

from collections.abc import Callable
from typing import Final

from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import disagree
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import owner_of, was_issued

FOREIGN: Final = msgid("这份账本没有发过它的键：运行不在这里、已损坏，或账本落后了；先弄清是谁、为什么")


def refuse_if_behind(state: AgentState, ip: str, key: str) -> None:
    """键上写着这次运行的 ``nonce``，账本里却没有它：做过的事账本不知道，停下（contract 第 3 节）。

    Raises:
        RecordsDisagreeError: 账本落后了；什么也没有改变。

    """
    if not state.nonce or owner_of(key) != (state.run_id, state.nonce):
        return
    if not was_issued(state.issued, key):
        raise disagree(
            state.run_id, tr("{ip} 最近一次生效的是这次运行的 {key}，账本里却没有它，账本落后了", ip=ip, key=key)
        )


def other_owner(state: AgentState, key: str) -> str:
    """最近动过它的是哪次别的运行，写成给人看的；是自己的、没有人动过的为空串。"""
    run_id, nonce = owner_of(key)
    if not key or (run_id, nonce) == (state.run_id, state.nonce):
        return ""
    return tr("运行 {run_id}（{nonce}）", run_id=run_id, nonce=nonce) if run_id else tr("键 {key}", key=key)


def changed_hands(state: AgentState, ip: str, key: str, held: Callable[[str], bool]) -> str:
    """还没有动手：提出计划之后有没有别人动过它；有就说出是谁，没有的为空串。

    计划里没有看过的（看不过来、没有答），动过它的又不是批准的人看到过的运行，也不动：没有人知道过。
    """
    if ip not in state.seen_keys:
        owner = "" if ip in state.ip_states or held(key) else other_owner(state, key)
        known = not owner or owner in state.seen_owners
        return (
            ""
            if known
            else tr(
                "提出计划的时候没有看过 {ip}，最近动过它的是{owner}，{foreign}；没有动手",
                ip=ip,
                owner=owner,
                foreign=tr(FOREIGN),
            )
        )
    seen = state.seen_keys[ip]
    if key == seen:
        return ""
    now, then = other_owner(state, key) or tr("（没有）"), other_owner(state, seen) or tr("（没有）")
    return tr(
        "提出计划的时候，最近动过 {ip} 的是{then}，此刻是{now}：有人在这之间动过它；没有动手", ip=ip, then=then, now=now
    )


def intruder(state: AgentState, ip: str, key: str) -> str:
    """动过手了：上次读回之后有没有别人动过它；有就返回是谁，是自己的、还是上次读到的那个为空串。"""
    return "" if key == state.ip_states[ip]["last_key"] else other_owner(state, key)
