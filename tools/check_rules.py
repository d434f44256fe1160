"""检查 import-linter 表达不了的约定。

1. 只有 ``settings.py`` 读写环境变量、读 ``.env``。
2. 只有 ``flows`` 调用 ``run_action``（路由转给后端、命令行体检时只问不改的动作除外）。
3. 动作清单只在 ``constants/actions.py`` 里写一次。
4. ``noqa`` 与 ``type: ignore`` 旁边要有中文理由。
5. 只有 ``__main__`` 导入试验场与 MCP 服务；命令行只可用 ``lab.launcher``。
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pam_deploy_graph.constants import ACTIONS
from tools.check_docstrings import CHINESE
from tools.source import FOLDERS, Offence, parse, parse_root, python_files, report

PACKAGE = "pam_deploy_graph"
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
OS_ENVIRONMENT = {f"os.{name}" for name in ENVIRONMENT}
SILENCERS = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
PROGRAMS = {"lab", "mcp_node"}
MOST_ACTIONS_TOGETHER = 3

Finding = tuple[int, str]


def reads_environment(tree: ast.Module, inside: PurePosixPath) -> Iterator[Finding]:
    """找出 ``settings.py`` 之外碰环境变量的地方。"""
    if inside == PurePosixPath("settings.py"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            touches = node.attr in ENVIRONMENT
        elif isinstance(node, ast.Import | ast.ImportFrom):
            touches = any(name.split(".")[0] == "dotenv" or name in OS_ENVIRONMENT for name in _imported(node))
        else:
            continue
        if touches:
            yield node.lineno, "只有 settings.py 可以读环境变量；请把值作为参数传进来"


def calls_router(tree: ast.Module, inside: PurePosixPath) -> Iterator[Finding]:
    """找出 ``flows`` 之外调用 ``run_action`` 的地方；后端调用自己的方法、命令行的体检不算。"""
    home = inside.parts[0].removesuffix(".py")
    if home in {"flows", "action_router"}:
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        own = isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
        checkup = home == "cli" and _only_asks(node)
        if node.func.attr in {"run_action", "arun_action"} and not own and not checkup:
            yield node.lineno, f"只有 flows 可以调用 {node.func.attr}"


def _only_asks(call: ast.Call) -> bool:
    """这次调用写明的动作是否只问不改。"""
    names = [argument.value for argument in call.args[1:2] if isinstance(argument, ast.Constant)]
    return any(name in ACTIONS and not ACTIONS[name].changes for name in names if isinstance(name, str))


def lists_actions(tree: ast.Module, inside: PurePosixPath) -> Iterator[Finding]:
    """找出动作表之外手写动作清单的地方；按动作分派的字典不算清单。"""
    if inside == PurePosixPath("constants/actions.py"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            named = {item.value for item in node.elts if isinstance(item, ast.Constant) and item.value in ACTIONS}
            if len(named) >= MOST_ACTIONS_TOGETHER:
                yield node.lineno, "动作清单只在 constants/actions.py 里写一次；请从 ACTIONS 派生"


def imports_programs(tree: ast.Module, inside: PurePosixPath) -> Iterator[Finding]:
    """找出不该导入试验场与 MCP 服务的地方。"""
    home = inside.parts[0].removesuffix(".py")
    if home in PROGRAMS | {"__main__"}:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in _imported(node):
            parts = name.split(".")
            allowed = home == "cli" and parts[1:3] == ["lab", "launcher"]
            if parts[0] == PACKAGE and set(parts[1:2]) & PROGRAMS and not allowed:
                yield node.lineno, f"不可导入 {name}：它是独立的程序"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """列出一条导入语句带来的全部名字；相对导入由 ruff 的 TID252 禁止。"""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return [prefix + alias.name for alias in node.names]


def silences(path: Path) -> Iterator[Finding]:
    """找出没有写理由的 ``noqa`` 与 ``type: ignore``。"""
    source = io.StringIO(path.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT and SILENCERS.search(token.string) and not CHINESE.search(token.string):
            yield token.start[0], "压制检查要在同一行写明中文理由"


RULES = (reads_environment, calls_router, lists_actions, imports_programs)


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的代码，打印每一处违反。"""
    root = parse_root(__doc__, argv)
    offences = []
    for path in python_files(root, (PACKAGE,)):
        tree, inside = parse(path), PurePosixPath(path.relative_to(root / PACKAGE).as_posix())
        findings = [finding for rule in RULES for finding in rule(tree, inside)]
        offences += [Offence(f"{PACKAGE}/{inside}:{line}", what) for line, what in findings]
    for path in python_files(root, FOLDERS):
        offences += [Offence(f"{path.relative_to(root).as_posix()}:{line}", what) for line, what in silences(path)]
    return report(offences, f"约定：{len(RULES) + 1} 条，违反 {len(offences)} 处")


if __name__ == "__main__":
    sys.exit(main())
