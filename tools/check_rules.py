"""检查 import-linter 表达不了的约定。

1. 只有 ``flows`` 调用 ``run_action``（路由转给后端、命令行体检时只问不改的动作除外）。
2. 动作清单只在 ``constants/actions.py`` 里写一次。
3. 往标准输出与标准错误写的，都经过 ``system/terminal.py`` 的门（上色的 ``cli/screen.py``、自成一体的程序除外）。
4. ``noqa`` 与 ``type: ignore`` 旁边要有中文理由。

环境变量只在 ``settings.py`` 读，由 ruff 的 TID251 管；谁可以导入谁由 import-linter 管，都写在 pyproject.toml。
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
SILENCERS = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
MOST_ACTIONS_TOGETHER = 3
_WRITES = frozenset({"print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write"})

Finding = tuple[int, str]


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


def writes_past_the_door(tree: ast.Module, inside: PurePosixPath) -> Iterator[Finding]:
    """找出绕过终端的门写标准输出、标准错误的地方。"""
    if inside.parts[0] in {"lab", "mcp_node"} or str(inside) in {"system/terminal.py", "cli/screen.py"}:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _WRITES:
            yield node.lineno, "往终端写的用 system.terminal 的 put 或 put_json"


def silences(path: Path) -> Iterator[Finding]:
    """找出没有写理由的 ``noqa`` 与 ``type: ignore``。"""
    source = io.StringIO(path.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT and SILENCERS.search(token.string) and not CHINESE.search(token.string):
            yield token.start[0], "压制检查要在同一行写明中文理由"


RULES = (calls_router, lists_actions, writes_past_the_door)


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
