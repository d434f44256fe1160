"""命令行参考页面：从 typer 的应用逐条读出命令、参数与说明。"""

import re
from typing import Any

import typer
from typer.main import get_command

import pam_deploy_graph.__main__  # noqa: F401 导入它才会挂上 lab 与 mcp-node
from pam_deploy_graph.cli.app import app
from pam_deploy_graph.constants import ExitCode
from tools.pages import HEADER, table

PROGRAM = "python -m pam_deploy_graph"
EXITS = {
    ExitCode.DONE: "全部工作站完成；只查看的命令给出了回答",
    ExitCode.BUG: "程序缺陷",
    ExitCode.USAGE: "用法不对或输入不合规则",
    ExitCode.WAITING: "在等人决定",
    ExitCode.FINISHED_WITH_FAILURES: "做完了，有工作站失败",
    ExitCode.STOPPED: "停下了：失败太多、被取消、全局步骤失败或范围里没有可部署的工作站",
}


def render() -> str:
    """返回整页 Markdown。"""
    group: Any = get_command(app)  # typer 的命令组没有公开的类型
    parts = [
        HEADER,
        "# 命令行参考\n",
        f"`{PROGRAM} 命令`，安装后也可写成 `pam-deploy 命令`。数据写到标准输出，进度写到标准错误。\n",
        "## 退出码\n",
        table(["退出码", "含义"], [[str(int(code)), EXITS[code]] for code in ExitCode]),
    ]
    return "\n".join(parts + [_section(name, command, "##") for name, command in _visible(group)])


def _visible(group: Any) -> list[tuple[str, Any]]:
    """列出一个命令组里不隐藏的命令。"""
    return [(name, command) for name, command in group.commands.items() if not command.hidden]


def _section(name: str, command: Any, level: str) -> str:
    """写出一条命令的一节；命令组连同它的子命令。"""
    context = typer.Context(command, info_name=name)
    usage = " ".join([PROGRAM, name, *command.collect_usage_pieces(context)])
    records = [param.get_help_record(context) for param in command.params]
    rows = [[f"`{title}`", _chinese(text)] for title, text in filter(None, records)]
    parts = [f"{level} {name}\n", (command.help or "").strip() + "\n", f"```text\n{usage}\n```\n"]
    if rows:
        parts.append(table(["参数", "说明"], rows))
    if getattr(command, "commands", None):
        parts += [_section(f"{name} {child}", sub, level + "#") for child, sub in _visible(command)]
    return "\n".join(parts)


def _chinese(text: str) -> str:
    """把 typer 附在说明后面的英文换成中文，并收成一行。"""
    words = " ".join(text.split()).replace(" [required]", "（必填）")
    return re.sub(r"\s*\[default: (.+?)\]", r"（默认 `\1`）", words)
