"""命令 ``chat``：用一句话部署。"""

from typing import Annotated

import typer

from pam_deploy_graph.cli import options as o

LAB = Annotated[bool, typer.Option("--lab", help="对着一个随即开起来的试验场。")]


def chat(lab: LAB = False, home: o.Home = o.HERE) -> None:
    """对话：听懂要求，缺什么问什么，给出计划，批准后执行，途中可问进度。"""
    from pam_deploy_graph.cli.conversation import converse

    converse(home, lab=lab)
