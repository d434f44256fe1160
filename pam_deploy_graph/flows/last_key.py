"""工作站最近一次生效的键是谁留下的：账本不认得自己的键，就是账本落后了；是别人的，就说出是谁。"""

from pam_deploy_graph.ledger import disagree
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import owner_of


def refuse_if_behind(state: AgentState, ip: str, key: str) -> None:
    """键上写着这次运行的 ``nonce``，账本里却没有它：做过的事账本不知道，停下（contract 第 3 节）。

    Raises:
        RecordsDisagreeError: 账本落后了；什么也没有改变。

    """
    if not state.nonce or owner_of(key) != (state.run_id, state.nonce):
        return
    slot, _, attempt = key.partition(":")[2].rpartition(":")
    if not attempt.isdigit() or state.issued.get(slot, 0) < int(attempt):
        raise disagree(state.run_id, f"{ip} 最近一次生效的是这次运行的 {key}，账本里却没有它，账本落后了")


def other_owner(state: AgentState, key: str) -> str:
    """最近动过它的是哪次别的运行，写成给人看的；是自己的、没有人动过的为空串。"""
    run_id, nonce = owner_of(key)
    if not key or (run_id, nonce) == (state.run_id, state.nonce):
        return ""
    return f"运行 {run_id}（{nonce}）" if run_id else f"键 {key}"
