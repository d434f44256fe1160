"""读回：问工作站此刻的真相（``query-ip``），记成 ``READ_BACK``；问不到也记，记的是「不知道」。"""

from pam_deploy_graph.constants import ACTIONS, ScriptExit
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import QUERY, perform
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.models import ActionResult, Event


async def read_back(ctx: RunContext, outbox: Outbox, ip: str) -> ActionResult:
    """问一台的真相并记下；随发件箱的下一行落盘。令牌不行而没有问成的不是工作站的事，上次读回的仍然作数。"""
    truth = await perform(ctx, outbox, QUERY, ip)
    if truth.exit_code != ScriptExit.UNAUTHORISED:
        outbox.tell(read_back_event(truth, ip))
    return truth


def read_back_event(truth: ActionResult, ip: str) -> Event:
    """把 ``query-ip`` 的结果写成事件；没有问到的，``values`` 为空，``message`` 是原因。"""
    event: Event = {"type": "READ_BACK", "ip": ip, "values": {}}
    if not truth.ok:
        return event | {"message": truth.error_summary}
    told = (*ACTIONS[QUERY].gives, *ACTIONS[QUERY].may_give)
    return event | {"values": {key: truth.values[key] for key in told if key in truth.values}}
