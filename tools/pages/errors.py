"""错误页面：错误之树、退出码、会说的话都从代码读出；每种错误该怎么办写在这里，漏了一种就不能生成。"""

from collections.abc import Iterator
from typing import Final

from pam_deploy_graph.constants import ExitCode, ScriptExit
from pam_deploy_graph.errors import (
    AlreadyDecidedError,
    ConfirmationError,
    EmptyScopeError,
    GlobalStepError,
    InvalidInputError,
    LedgerDamagedError,
    LedgerError,
    MissingParamsError,
    ModuleBusyError,
    NoProgressError,
    PackageMissingError,
    PamError,
    PlanChangedError,
    PolicyRefusedError,
    RecordsDisagreeError,
    RunConflictError,
    RunHeldError,
    RunNotFoundError,
    RunPausedError,
    ServerError,
    StaleFenceError,
)
from tools.pages import HEADER, table
from tools.pages.cli import EXITS
from tools.pages.messages import Said, raised, scripted

_WHAT_TO_DO: Final = {
    PamError: "不该出现；把命令、时间和 `logs/` 留好，交给开发",
    InvalidInputError: "什么也没有改变；照消息里说的改正，再来一次",
    MissingParamsError: "补上缺的参数",
    RunNotFoundError: "用 `runs` 看有哪些运行；`--home` 是不是同一个目录",
    RunConflictError: "换一个 `--run-id`，或用 `resume` 继续原来那次",
    ConfirmationError: "用 `status` 看此刻到底在等什么，再 `confirm`",
    AlreadyDecidedError: "别人的决定已经作数；看消息里是谁、决定了什么",
    PolicyRefusedError: "已经记下；请策略里点了名的人来决定",
    RunHeldError: "有一个活着的进程正在做；用 `status` 看着，或等它停下再 `resume`",
    RunPausedError: "进行中的已做完或留待查证；`resume` 继续",
    GlobalStepError: "一台工作站也还没有动；照原因修好，`resume` 从这一步继续",
    PackageMissingError: "给出 `PACKAGE_PATH` 或改正版本号，另开一次运行；旧的用 `cancel` 收掉",
    PlanChangedError: "没有照用；看过新的计划（或改动）再批准",
    ModuleBusyError: "先把占着模块的那次运行做完（`resume`）或放弃（`cancel`）",
    EmptyScopeError: "换一个范围，或等工作站上线，另开一次运行",
    ServerError: "看 LangGraph 服务器的日志；会话还在，恢复后重试",
    LedgerError: "看磁盘空间与 `runtime/` 的权限；修好之后 `resume`",
    StaleFenceError: "另一个进程已经接手；这个进程什么也没有再写，用 `status` 看那一个",
    LedgerDamagedError: "`repair RUN_ID`：旧的到此为止，另开一次，查清每台的实情，看过新的计划再接着做",
    RecordsDisagreeError: "有新的账本备份就先换回来；没有就 `repair RUN_ID`，另开一次，看过新的计划再接着做",
    NoProgressError: "`status` 看它等什么；检查点不是最新的就用 `repair RUN_ID`",
}
_INTRO: Final = """
命令行只在一处捕获错误：标准错误写 `错误: <消息>`，以下面的退出码结束。消息里的 `{…}` 是到时候填进去的值。
夜里遇到了怎么办，先看[值班手册](handbook.md)；这一页用来按消息查。
"""

_FAILED: Final = """
动作失败不是程序错误：全局步骤失败就停下，工作站失败就停下那一台、等人决定。括号里是退出码，
含义与建议见[脚本契约](script.md#退出码)。
"""


def render() -> str:
    """返回整页 Markdown。

    Raises:
        KeyError: 有一种错误没有写该怎么办。

    """
    parts = [HEADER, f"# 错误与退出码\n{_INTRO}", "## 退出码\n"]
    parts.append(table(["退出码", "含义"], [[str(int(code)), EXITS[code]] for code in ExitCode]))
    parts += [
        "## 错误的种类\n",
        table(["错误", "退出码", "是什么", "怎么办"], [_row(kind) for kind in _tree(PamError)]),
    ]
    parts.append("## 各种错误会说的话\n")
    for kind in _tree(PamError):
        if said := raised(kind.__name__):
            parts += [f"### {kind.__name__}\n", _list(said)]
    return "\n".join([*parts, *_backends()])


def _backends() -> list[str]:
    """后端说的原因：它们不是异常，会写进 ``failure_reason`` 与报告。"""
    faults = [Said(f"{said.text}（{_code(said)}）", said.where) for said in raised("McpFault")]
    answers = [Said(f"{said.text}（{_code(said)}）", said.where) for said in raised("NodeError")]
    script = [Said(f"{said.text}（{said.detail}）", said.where) for said in scripted()]
    return [
        "## 动作失败时会说的原因\n",
        _FAILED,
        "### 参考脚本入口\n",
        _list(script),
        "### MCP 客户端\n",
        _list(faults),
        "### MCP 服务 mcp-node\n",
        _list(answers),
    ]


def _tree(kind: type[PamError]) -> Iterator[type[PamError]]:
    """错误之树，先根后叶。"""
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _row(kind: type[PamError]) -> list[str]:
    """一种错误。"""
    about = (kind.__doc__ or "").splitlines()[0].replace("``", "`")
    return [f"`{kind.__name__}`", str(int(kind.exit_code)), about, _WHAT_TO_DO[kind]]


def _list(said: list[Said]) -> str:
    """逐条列出。"""
    return "\n".join(f"- {' '.join(each.text.split())}" for each in said) + "\n"


def _code(said: Said) -> str:
    """一个退出码的数字。"""
    return str(int(ScriptExit[said.detail])) if said.detail in ScriptExit.__members__ else "视情况"
