"""别的主机上的进程握着租约：看不见它死活，等到租期到，或看见它续了租。"""

import time
from collections.abc import Callable
from typing import Final

from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.waits import waiting

_POLL_SECONDS: Final = 0.5


def open_session(ledger: Ledger, state: AgentState, stop: Callable[[], bool]) -> RunSession:
    """取得租约；在别的主机上的先 ``wait_out``，参数相同。

    Raises:
        RunHeldError: 另一个存活的进程正握着它。

    """
    try:
        return ledger.open_session(state)
    except RunHeldError:
        if not wait_out(ledger, state.run_id, stop):
            raise
    return ledger.open_session(state)


def wait_out(ledger: Ledger, run_id: str, stop: Callable[[], bool]) -> bool:
    """等到没有进程握着这次运行。

    握着的在本机，就不等：它死没死一看便知。在别的主机上，等到租期到（它死了）、它交还了，
    或租期往后推了（它活着，不再等）；最多等一个租期。

    Args:
        ledger: 账本。
        run_id: 已登记的运行。
        stop: 该停了为真，不再等。

    Returns:
        没有进程握着了为真。

    """
    first = ledger.held(run_id)
    if first is None or not first.elsewhere:
        return first is None
    with waiting(tr("运行 {run_id} 由{who}握着", run_id=run_id, who=first.who)):
        while (now := ledger.held(run_id)) is not None and now.pulse == first.pulse and not stop():
            time.sleep(_POLL_SECONDS)
    return now is None
