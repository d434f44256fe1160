"""试接：逐个做一遍只问不改的动作，看一个后端合不合契约；不记账，什么也不改变。"""

from collections.abc import Iterator

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.models import ActionResult, AgentState


def probe(router: ActionBackend, state: AgentState, ip: str) -> Iterator[ActionResult]:
    """做一遍，遇到失败也接着做。

    Args:
        router: 路由；缺键之类由它判断。
        state: 只为试接而造的状态；节点地址问到之后写进它和配置文件。
        ip: 拿哪台工作站问；空串就不问工作站。

    Yields:
        每个动作的结果，按动作表的次序。

    """
    for name, spec in ACTIONS.items():
        if spec.changes or (spec.per_ip and not ip):
            continue
        result = router.run_action(state, name, **({"ip": ip} if spec.per_ip else {}))
        if name == "get-node-url" and result.ok:
            state.node_url = result.values["NODE_URL"]
            state.mcp_url = result.values.get("MCP_URL", "")
            write_run_config(state)
        yield result
