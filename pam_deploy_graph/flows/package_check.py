"""安装包：给人看过的是哪一份，上传之前再对一遍；变了就作废原来的批准（contract 第 5 节）。

拦住错的一份的，是 HOME 与节点报回的哈希要与批准的相同（``check_result``）；这里只是早一点发现。
"""

from anyio.to_thread import run_sync

from pam_deploy_graph.errors import PackageMissingError, PlanChangedError
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.system.file_digest import file_digest


async def package_digest(state: AgentState, found: ActionResult | None) -> str:
    """返回要部署的那一份安装包的 SHA-256（小写十六进制）。

    Args:
        state: 这次运行；给出了安装包的，算它的。
        found: 没有给出安装包时 HOME 的答复；后端说不准的没有 ``HASH_CODE``。

    Returns:
        哈希；既没有给出安装包、后端又说不准的为空串，计划里写明还不知道。

    Raises:
        PackageMissingError: 给出的安装包读不了。

    """
    path = state.params.get("PACKAGE_PATH")
    if not path:
        return str(found.values.get("HASH_CODE", "")).lower() if found else ""
    try:
        return await run_sync(file_digest, path)
    except OSError as error:
        raise PackageMissingError(
            tr("安装包 {path} 读不了：{problem}；请核对 PACKAGE_PATH", path=path, problem=error.strerror)
        ) from None


async def refuse_changed(ctx: RunContext) -> None:
    """上传之前：安装包还是不是计划里的那一份。

    Raises:
        PlanChangedError: 变了；原来的计划已作废。
        PackageMissingError: 读不了了。

    """
    shown, path = ctx.state.package_digest, ctx.state.params.get("PACKAGE_PATH")
    if not shown or not path:
        return
    now = await package_digest(ctx.state, None)
    if now != shown:
        raise PlanChangedError(
            tr(
                "安装包 {path} 在计划给人看过之后变了（SHA-256 原为 {shown}…，现为 {now}…），"
                "没有上传；原来的批准不再作数",
                path=path,
                shown=shown[:12],
                now=now[:12],
            )
        )
