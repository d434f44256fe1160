"""命令 ``run`` 与 ``resume``：不经对话的推出。"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.table_options import taking
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

if TYPE_CHECKING:
    from pam_deploy_graph.runs.registration import RunRequest

_LONGEST_WAIT: Final = 86_400
RUN_ID_OPTION = Annotated[str | None, typer.Option("--run-id", help="运行名；不给按时间取。", metavar="RUN_ID")]
YES = Annotated[bool, typer.Option("--yes", help="事先批准这个命令提出的第一份计划（以后的计划、回滚照样要问）。")]

DETACH = Annotated[
    bool, typer.Option("--detach", help="只登记，交给这个工作目录的网页进程（web）去拟计划、等批准、推出；立刻返回。")
]
WAIT = Annotated[
    int,
    typer.Option("--wait", help="模块正由别的运行占着时，最多等几秒。", metavar="SECONDS", min=0, max=_LONGEST_WAIT),
]


@taking("controls", o.CONTROL_OPTIONS)
def run(
    param: o.Params = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    params: o.ParamsFile = None,
    *,
    controls: Mapping[str, Any],
    run_id: RUN_ID_OPTION = None,
    yes: YES = False,
    detach: DETACH = False,
    wait: WAIT = 0,
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """推出一次部署：检查输入，给出计划，批准后执行。"""
    from pam_deploy_graph.cli.inputs import make_request, of_failed, read_control, read_params

    control = read_control(controls)
    failed_of = str(control.pop("failed_of", ""))
    strategy = control.pop("execution_strategy", None)
    deploy = read_params(param, params)
    if failed_of:
        deploy, control, strategy = of_failed(home, failed_of, deploy, control, strategy)
    request = make_request(
        deploy,
        control,
        strategy=strategy,
        run_id=run_id,
        home=home,
    )
    if detach:
        return _hand_over(home, request, yes=yes, as_json=as_json)
    raise typer.Exit(_begin(home, request, yes=yes, wait=wait, as_json=as_json))


def resume(run_id: o.RunId, wait: WAIT = 0, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """继续一次停下、中断或已有决定的运行。"""
    from pam_deploy_graph.cli.command_session import open_session
    from pam_deploy_graph.cli.desk import open_desk
    from pam_deploy_graph.runs.lookup import require_store

    if not (settings := o.settings_for(home)).pam_server:
        require_store(settings, home, run_id)
    with open_desk(home, plain=as_json) as desk, open_session(home, desk, as_json=as_json, wait=wait) as session:
        raise typer.Exit(session.run(run_id, lambda: session.driver.resume(run_id)))


def _hand_over(home: Path, request: "RunRequest", *, yes: bool, as_json: bool) -> None:
    """登记，写明交给网页进程。

    Raises:
        InvalidInputError: 同时给了 ``--yes``：事先批准管的是这个命令提出的计划，而计划由网页进程提出。

    """
    from dataclasses import replace

    from pam_deploy_graph.errors import InvalidInputError, RunConflictError
    from pam_deploy_graph.runs.handing_over import handed_by
    from pam_deploy_graph.runs.lookup import refuse_server
    from pam_deploy_graph.runs.registration import register
    from pam_deploy_graph.runs.services import Services

    if yes:
        raise InvalidInputError(tr("--detach 与 --yes 不能同时给：计划由网页进程提出，请在网页上或用 confirm 批准"))
    refuse_server(settings := o.settings_for(home))
    services = Services(home=home, settings=settings, channel="cli")
    try:
        state, created = register(services.ledger, replace(request, extra=handed_by(services.local_actor())))
    finally:
        services.close()
    if not created:
        raise RunConflictError(tr("运行 {run_id} 已经有了；用 status {run_id} 看它走到哪里", run_id=state.run_id))
    if as_json:
        o.print_json({"run_id": state.run_id, "detached": True})
    put(tr("运行 {run_id} 已交给网页进程；没有开着的，用 web 打开", run_id=state.run_id), err=True)


def _begin(home: Path, request: "RunRequest", *, yes: bool, wait: int, as_json: bool) -> ExitCode:
    """登记并开始。"""
    from pam_deploy_graph.cli.command_session import open_session
    from pam_deploy_graph.cli.desk import open_desk

    with open_desk(home, plain=as_json) as desk, open_session(home, desk, as_json=as_json, wait=wait) as session:
        run_id = session.driver.register(request, yes=yes)
        session.say(tr("运行 {run_id}", run_id=run_id))
        return session.run(run_id, lambda: session.driver.start(run_id))
