"""改了主意：同名的运行还没有动过手，就换成这份输入，原来的计划与批准随之作废。"""

from collections.abc import Awaitable, Callable

from pam_deploy_graph.errors import RunConflictError
from pam_deploy_graph.flows.context import RunContext, record
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.registration import RunRequest, has_begun, refuse_once_begun, register, revised
from pam_deploy_graph.runs.services import Services


def register_again(services: Services, request: RunRequest) -> None:
    """登记一次运行，等着提出计划；同名的还没有动过手，就改用这份输入。

    Raises:
        InvalidInputError: 输入不合规则。
        RunConflictError: 同名的运行已经动过手，输入不能再改。
        RunHeldError: 另一个存活的进程正握着它。

    """
    try:
        before, _ = register(services.ledger, request)
    except RunConflictError:
        state = revised(services.ledger, request)
        services.drive(state.run_id, _withdraw(services, state))
        write_run_config(state)
    else:
        if before.plan_digest and not has_begun(before):
            services.drive(before.run_id, record("PLAN_WITHDRAWN"))
    services.forget(str(request.run_id))


def _withdraw(services: Services, state: AgentState) -> Callable[[RunContext], Awaitable[None]]:
    """返回握着租约换掉输入的流程：换输入与原来的计划作废是同一个事务。"""

    async def work(ctx: RunContext) -> None:
        """再看一眼有没有动过手，然后换。"""
        refuse_once_begun(ctx.state)
        revised_event, also = services.ledger.revision_row(state)
        await ctx.session.append({"type": "PLAN_WITHDRAWN"}, revised_event, also=also)

    return work
