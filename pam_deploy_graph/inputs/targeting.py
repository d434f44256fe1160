"""目标：要求了哪些、在线的有哪些、排除了哪些，算出要部署的工作站（纯函数，contract 第 6 节）。"""

from pam_deploy_graph.models import AgentState


def settle_scope(state: AgentState) -> list[str]:
    """把算出的目标写进状态，返回不在线者；调用者直接写的 ``target_ips`` 就是他的要求，落空了也不变成全部。"""
    if state.requested_ips is None and state.target_ips != state.settled_ips:
        state.requested_ips = list(state.target_ips)
    state.target_ips, missing = resolve_targets(state)
    state.settled_ips = list(state.target_ips)
    return missing


def resolve_targets(state: AgentState) -> tuple[list[str], list[str]]:
    """算出目标与不在线者，次序与要求的次序相同；批准时不在线的，后来上线也不动它。

    Returns:
        ``(target_ips, missing_ips)``。指定了范围而一台都没有时目标为空，绝不变成全部。

    """
    asked = state.requested_ips if state.requested_ips is not None else state.planned_ips
    if asked is None:
        asked = state.online_ips
    excluded = set(state.control_params.get("exclude_ips") or ())
    eligible = set(state.online_ips)
    if state.planned_ips is not None:
        eligible &= set(state.planned_ips)
    wanted = [ip for ip in dict.fromkeys(asked) if ip not in excluded]
    return [ip for ip in wanted if ip in eligible], [ip for ip in wanted if ip not in eligible]


def scope_size(state: AgentState) -> int:
    """返回范围里有几台：批准的计划里的，还没有计划就是要部署的；百分比按它折成台数。"""
    return len(state.target_ips if state.planned_ips is None else state.planned_ips)
