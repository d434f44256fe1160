"""命令 ``doctor``：装了什么、连得上什么、允许做什么，不行的该怎么办。"""

import json

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.constants import ExitCode


def doctor(home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """检查环境：程序、脚本、目录、PAM、MCP、模型；必需的有一项不行就以 2 退出。"""
    from pam_deploy_graph.cli.checkup import examine

    checks = examine(home)
    if as_json:
        typer.echo(json.dumps([check.as_dict() for check in checks], ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(check.line() for check in checks))
    raise typer.Exit(ExitCode.USAGE if any(check.required and not check.ok for check in checks) else ExitCode.DONE)
