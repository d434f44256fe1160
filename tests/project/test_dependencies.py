"""依赖声明的测试：包里导入的每个第三方库都写在 pyproject.toml 里，没有搭别人的便车。"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions

from tools.source import PROJECT, parse, python_files

BROUGHT_BY = {"pydantic_core": "pydantic"}
"""随另一个库同版本发布、由它带来的库。"""


def _imported(tree: ast.Module) -> Iterator[str]:
    """给出一个文件导入的顶层模块名。"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def _owners(module: str, distributions: Mapping[str, list[str]]) -> set[str]:
    """返回提供一个模块的发行包；命名空间包可能有好几个。"""
    found = distributions.get(BROUGHT_BY.get(module, module), [module])
    return {re.sub(r"[._]", "-", name).lower() for name in found}


def test_every_import_is_declared() -> None:
    """导入的库都在运行时依赖里声明过，或者在用到才导入的附加依赖里。"""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    declared = {re.split(r"[\[<>=]", line)[0].lower() for line in lines}
    files = python_files(PROJECT, ["pam_deploy_graph", "graphs"])
    imported = {name for path in files for name in _imported(parse(path))}
    foreign = imported - sys.stdlib_module_names - {"pam_deploy_graph"}
    distributions = packages_distributions()
    assert {name for name in foreign if not _owners(name, distributions) & declared} == set()
