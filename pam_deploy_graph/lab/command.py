"""``lab`` 命令：在回环地址上开一整套参考 PAM（contract 第 8、9 节）。模块层面只导入轻的东西。"""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_deploy_graph.system.parent_watch import WithParent

if TYPE_CHECKING:
    from pam_deploy_graph.lab.config import LabConfig

Airports = Annotated[list[str] | None, typer.Option(help="机场代码，可重复；默认 PEK", metavar="CODE")]
Workstations = Annotated[int, typer.Option(help="每个机场多少台工作站，地址从 10.0.0.1 起", metavar="N")]
Port = Annotated[int, typer.Option(help="HOME 的端口，各 NODE 依次往后；0 为任选，重启时沿用上次的", metavar="PORT")]
State = Annotated[Path | None, typer.Option(help="状态目录；默认是临时目录，结束时删除", metavar="DIR")]
Latency = Annotated[float, typer.Option(help="每次工作站调用额外的秒数", metavar="SECONDS")]
InstalledModules = Annotated[
    list[str] | None,
    typer.Option(help="出厂就在运行的 app/module=version，可重复；默认 checkin/gate=1.2.2", metavar="MODULE=VERSION"),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        help="故障 IP:ACTION:KIND[:TIMES]，可重复；ACTION 为工作站动作的短名，如 verify、log，"
        "KIND 为 fail、hang、slow=秒数、drop（做成了而答复丢了）、status=状态（做成了而只答这个 HTTP 状态）、"
        "busy=429 或 503（没有做，请稍后再来）、offline、crash（做成了而试验场随即 kill -9）",
        metavar="SPEC",
    ),
]


def lab(
    airport: Airports = None,
    workstations: Workstations = 8,
    port: Port = 0,
    state: State = None,
    latency: Latency = 0.0,
    installed: InstalledModules = None,
    fault: Faults = None,
    *,
    with_parent: WithParent = False,
) -> None:
    """开一个试验场：一个 HOME，每个机场一个 NODE，若干台工作站；打印一行 JSON，服务到收到 SIGTERM。

    有选项不合规则，或状态目录、端口被占用，都以退出码 2 结束（InvalidInputError）。
    """
    from pam_deploy_graph.lab.config import build_config, check_state_dir

    config = build_config(
        airports=airport or ["PEK"],
        workstations=workstations,
        port=port,
        latency=latency,
        installed=installed or ["checkin/gate=1.2.2"],
        faults=fault or [],
    )
    if state is not None:
        check_state_dir(state)
    _serve(config, state, with_parent=with_parent)


def _serve(config: "LabConfig", state: Path | None, *, with_parent: bool) -> None:
    """从设置取令牌，服务到收到信号或父进程没了；没有给状态目录就用临时目录，结束时删除。"""
    import asyncio

    from pam_deploy_graph.lab.assembly import run_lab
    from pam_deploy_graph.settings import Settings
    from pam_deploy_graph.system.open_files import allow_many_files

    allow_many_files()
    token = Settings.for_command(Path.cwd()).token()
    folder = state.absolute() if state else Path(tempfile.mkdtemp(prefix="pam-lab-"))
    try:
        asyncio.run(run_lab(config, token, folder, with_parent=with_parent))
    finally:
        if state is None:
            shutil.rmtree(folder, ignore_errors=True)
