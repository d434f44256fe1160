"""命令 ``doctor``：装了什么、连得上什么、允许做什么，不行的该怎么办；给了参数就连动作也试接。"""

from typing import Annotated

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.system.terminal import put

IP = Annotated[str, typer.Option("--ip", help="试接时拿哪台工作站问（只问不改）。", metavar="IP")]


def doctor(
    param: o.Params = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    params: o.ParamsFile = None,
    strategy: o.Strategy = None,
    ip: IP = "",
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """检查环境：程序、脚本、目录、PAM、MCP、模型；给了部署参数就再试接只问不改的动作。必需的有一项不行就以 2 退出。"""
    from pam_deploy_graph.cli.backend_trial import try_on
    from pam_deploy_graph.cli.check_list import render
    from pam_deploy_graph.cli.doctor_checks import examine
    from pam_deploy_graph.cli.inputs import read_params
    from pam_deploy_graph.cli.lock_checks import held_here

    given = read_params(param, params)
    checks = examine(home) + held_here(home)
    checks += try_on(given, strategy, ip, home, checks) if given else []
    if as_json:
        o.print_json([check.as_dict() for check in checks])
    else:
        put(render(checks))
    raise typer.Exit(ExitCode.USAGE if any(check.fatal for check in checks) else ExitCode.DONE)
