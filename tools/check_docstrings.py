"""检查每个模块、类、函数（含嵌套函数与测试）都有中文文档串，覆盖率须为 100 %。"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.source import FOLDERS, Offence, parse, parse_root, python_files, report

CHINESE = re.compile(r"[\u4e00-\u9fff]")

type_of = {
    ast.Module: "模块",
    ast.ClassDef: "类",
    ast.FunctionDef: "函数",
    ast.AsyncFunctionDef: "函数",
}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(tree: ast.Module) -> Iterator[Documented]:
    """给出一棵语法树里所有该有文档串的节点。"""
    for node in ast.walk(tree):
        if isinstance(node, Documented):
            yield node


def judge(node: Documented) -> str | None:
    """返回这个节点的问题；没有问题返回 ``None``。"""
    title = f"{type_of[type(node)]} {getattr(node, 'name', '')}".strip()
    docstring = ast.get_docstring(node)
    if not docstring:
        return f"{title} 没有文档串"
    if not CHINESE.search(docstring):
        return f"{title} 的文档串不是中文"
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的代码，打印覆盖率与每一处缺失。"""
    root = parse_root(__doc__, argv)
    offences, total = [], 0
    for path in python_files(root, FOLDERS):
        for node in definitions(parse(path)):
            total += 1
            if problem := judge(node):
                offences.append(Offence(f"{_name(path, root)}:{getattr(node, 'lineno', 1)}", problem))
    share = 100 * (total - len(offences)) / total if total else 100.0
    return report(offences, f"中文文档串：{total - len(offences)}/{total}（{share:.1f} %）")


def _name(path: Path, root: Path) -> str:
    """返回相对路径，输出里因此没有本机目录。"""
    return path.relative_to(root).as_posix()


if __name__ == "__main__":
    sys.exit(main())
