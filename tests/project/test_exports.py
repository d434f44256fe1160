"""``__all__`` 就是对外给的：包的门面一个不多一个不少，别处取用的名字都在里面。"""

import ast
import functools
from pathlib import Path

from tools.source import FOLDERS, PROJECT, parse, python_files

PACKAGE = PROJECT / "pam_deploy_graph"


def module_of(path: Path) -> str:
    """文件的模块名。"""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def declared(path: Path) -> list[str] | None:
    """文件里写的 ``__all__``；没有写为 ``None``。"""
    for node in parse(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def bound(path: Path) -> set[str]:
    """文件在最外层给出的公开名字：定义的与导入的。"""
    found: set[str] = set()
    for node in parse(path).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.If):  # if TYPE_CHECKING：用到才载入的，由 __getattr__ 给出
            found |= {alias.name for each in node.body if isinstance(each, ast.ImportFrom) for alias in each.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}


def taken() -> dict[str, set[str]]:
    """整个仓库从各模块取用的名字。"""
    found: dict[str, set[str]] = {}
    for path in python_files(PROJECT, FOLDERS):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return found


@functools.cache
def exported() -> dict[str, tuple[Path, list[str]]]:
    """写了 ``__all__`` 的模块：``{模块: (文件, 写的名字)}``。"""
    return {module_of(path): (path, names) for path in sorted(PACKAGE.rglob("*.py")) if (names := declared(path))}


def facades() -> dict[str, tuple[Path, list[str]]]:
    """其中包的门面。"""
    return {name: each for name, each in exported().items() if each[0].name == "__init__.py"}


def test_what_is_taken_is_exported() -> None:
    """从写了 ``__all__`` 的模块取用的，都在它的 ``__all__`` 里；子模块与私有的名字不算。"""
    modules, asked = {module_of(path) for path in PACKAGE.rglob("*.py")}, taken()
    missing = {
        (name, each)
        for name, (_, names) in exported().items()
        for each in asked.get(name, set()) - set(names)
        if not each.startswith("_") and f"{name}.{each}" not in modules
    }
    assert missing == set()


def test_what_is_exported_is_there() -> None:
    """``__all__`` 里的名字，文件都给得出。"""
    extra = {name: set(names) - {"__version__"} - bound(path) for name, (path, names) in exported().items()}
    assert {name: each for name, each in extra.items() if each} == {}


def test_a_facade_exports_all_it_has() -> None:
    """包的门面：``__all__`` 等于它给出的全部公开名字。"""
    said = {name: {each for each in names if not each.startswith("_")} for name, (_, names) in facades().items()}
    assert said == {name: bound(path) for name, (path, _) in facades().items()}


def test_some_modules_declare() -> None:
    """真的查了：语言、账本、MCP 三个包都有门面。"""
    assert {"pam_deploy_graph.llm", "pam_deploy_graph.ledger", "pam_deploy_graph.mcp_runner"} <= set(facades())
