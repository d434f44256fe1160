"""停下之后进行中的怎样了；说的都是账本里的实情。"""

from typing import Final

from pam_deploy_graph.flows.dispatch import unfinished_ips
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState

_MOST_NAMED: Final = 10


def stopped_text(state: AgentState) -> str:
    """停下之后的一句话：进行中的都做完了没有，没有的点名。"""
    owed = {*unfinished_ips(state), *(ip for ip, one in state.ip_states.items() if one.get("approved"))}
    doubtful = [slot for slot in state.open_intents if slot.rpartition(":")[0] in owed]
    begun = [ip for ip in unfinished_ips(state) if not any(slot.startswith(f"{ip}:") for slot in doubtful)]
    sent = [tr(" 的 ").join(slot.rsplit(":", 1)) for slot in doubtful]
    parts = [tr("{named} 已经发出、结果未知，继续时先查证", named=_named(sent))] if sent else []
    parts += [tr("{named} 做到一半，继续时接着做", named=_named(begun))] if begun else []
    return tr("已停下，{parts}", parts=tr("；").join(parts) or tr("进行中的都已做完"))


def _named(names: list[str]) -> str:
    """点名；多了就只列前几个。"""
    more = tr(" 等 {n} 项", n=len(names)) if len(names) > _MOST_NAMED else ""
    return tr("、").join(names[:_MOST_NAMED]) + more
