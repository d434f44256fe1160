"""命令 ``demo``：第一次运行。真的开一个试验场，真的部署，真的失败一台、问人、回滚、报告。"""

from pathlib import Path
from typing import Annotated

import typer

from pam_deploy_graph.cli import options as o

STATE = Annotated[Path | None, typer.Option("--state", help="试验场的状态留在哪里；不给就用完即弃。", metavar="DIR")]
YES = Annotated[bool, typer.Option("--yes", help="所有问题自动同意，不读键盘。")]


def demo(yes: YES = False, state: STATE = None, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """第一次运行：开一个试验场，部署到 8 台，其中一台验证失败，问是否回滚，最后给出报告。"""
    from pam_deploy_graph.cli.demo_scenario import rehearse

    raise typer.Exit(rehearse(home, state, yes=yes, as_json=as_json))
