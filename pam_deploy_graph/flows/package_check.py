"""安装包：给人看过的是哪一份，上传之前再对一遍；变了就作废原来的批准（contract 第 5 节）。"""

import hashlib

from anyio.to_thread import run_sync

from pam_deploy_graph.errors import GlobalStepError
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import slot_of


async def package_digest(state: AgentState) -> str:
    """返回安装包的 SHA-256（十六进制）；没有给出或读不了的为空串，由上传去说明。"""
    path = state.params.get("PACKAGE_PATH")
    return await run_sync(_digest, path) if path else ""


def _digest(path: str) -> str:
    """读一遍文件。"""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 —— 路径就是文本
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


async def refuse_changed(ctx: RunContext) -> None:
    """上传之前：安装包还是不是计划里的那一份；已经在传的由 HOME 按幂等键去判断。

    Raises:
        GlobalStepError: 变了；原来的计划已作废，继续时提出新的计划再请批准。

    """
    shown = ctx.state.package_digest
    if not shown or slot_of(None, "upload-package") in ctx.state.open_intents:
        return
    now = await package_digest(ctx.state)
    if now and now != shown:
        path, run_id = ctx.state.params["PACKAGE_PATH"], ctx.state.run_id
        await ctx.session.append({"type": "PLAN_WITHDRAWN"})
        raise GlobalStepError(
            f"安装包 {path} 在计划给人看过之后变了（SHA-256 原为 {shown[:12]}…，现为 {now[:12]}…），没有上传；"
            f"原来的批准不再作数，resume {run_id} 会提出新的计划"
        )
