"""还要多久：照这次运行里做完的几台用的时间估；一台还没有做完的，照从前同样的运行估，与计划上的预计用时同一个来源。"""

from statistics import mean, median
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.durations import Behind, took_of, work_ms
from pam_deploy_graph.runs.past_times import durations
from pam_deploy_graph.runs.services import Services

_MINUTE: Final = 60


def time_left(services: Services, state: AgentState) -> str:
    """说出还要多久；估不出来就直说。"""
    if services.ledger.get_run(state.run_id).exit_code is not None:
        return tr("这次运行已经结束。")
    scope = state.planned_ips or state.target_ips
    left = [ip for ip in scope if ip not in state.ip_states or state.ip_states[ip].tally == "running"]
    waiting = sum(workstation.awaits_decision for workstation in state.ip_states.values())
    if not left:
        held = tr("{waiting} 台等你决定。", waiting=waiting) if waiting else ""
        return tr("都开过工了；{held}", held=held)
    each = _each(services, state)
    if each is None:
        return tr("还剩 {n} 台；还没有一台做完，估不出来。", n=len(left))
    behind = Behind(len(scope) - len(left), state.waves_done, state.canary_released)
    seconds = work_ms(each * 1000, len(scope), in_numbers(state.control_params, len(scope)), behind) / 1000
    running = services.ledger.holder(state.run_id)
    pause = "" if running else tr("（现在没有在做；从接着做的时候算起，等人的时间不算）")
    return tr(
        "还剩 {n} 台，照每台 {each:.0f} 秒估（含说好的停顿），约 {shown}{pause}。",
        n=len(left),
        each=each,
        shown=_shown(seconds, tr("分"), tr("秒")),
        pause=pause,
    )


def _each(services: Services, state: AgentState) -> float | None:
    """每台用几秒：这次运行里做完的平均；还没有的，照计划上预计用时的那个中位数；都没有为 ``None``。"""
    if took := took_of(services.ledger.load_state(state.run_id).events):
        return mean(took) / 1000
    past = durations(services.ledger, state)
    return median(past) / 1000 if past else None


def _shown(seconds: float, minutes: str, rest: str) -> str:
    """几分几秒。"""
    whole = max(1, round(seconds))
    return f"{whole // _MINUTE} {minutes} {whole % _MINUTE} {rest}" if whole >= _MINUTE else f"{whole} {rest}"
