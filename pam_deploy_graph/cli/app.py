"""命令行的总入口：登记各命令，统一捕获错误。重的东西都在命令里面才导入。"""

import sys
from typing import Final

import typer

from pam_deploy_graph import __version__
from pam_deploy_graph.cli.decide import cancel, confirm
from pam_deploy_graph.cli.demo import demo
from pam_deploy_graph.cli.rollout import resume, run
from pam_deploy_graph.cli.show import analyze, preview, report, runs, status
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import PamError

app: Final = typer.Typer(
    name="pam-deploy",
    help="面向机场共享工作站的部署智能体。",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

for _command in (demo, analyze, preview, run, resume, confirm, cancel, status, runs, report):
    app.command()(_command)


def _version(value: bool) -> None:
    """打印版本。"""
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="打印版本。"),
) -> None:
    """面向机场共享工作站的部署智能体。"""


def main() -> None:
    """命令行入口；以退出码结束进程。"""
    try:
        code = app(standalone_mode=False)
    except PamError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("已中断；用 status 查看停在哪里，用 resume 继续", ExitCode.STOPPED)
    except Exception as error:
        _fail_usage(error)
    else:
        sys.exit(code or 0)


def _fail_usage(error: Exception) -> None:
    """用法错误交给 click 显示；其余是程序缺陷，留下完整的来龙去脉。"""
    import click

    if isinstance(error, click.exceptions.Abort):
        _fail("已中断", ExitCode.STOPPED)
    if not isinstance(error, click.ClickException):
        raise error
    error.show()
    sys.exit(ExitCode.USAGE)


def _fail(message: str, code: int) -> None:
    """把错误写到标准错误并结束。"""
    sys.stderr.write(f"错误: {message}\n")
    sys.exit(int(code))
