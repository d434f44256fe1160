"""从源码里找出会说给人听的原因：抛出的错误、后端的失败、脚本入口的 ``die``。"""

import ast
import functools
import re
from dataclasses import dataclass
from typing import Final

from tools.source import PROJECT, parse, python_files

_DIE: Final = re.compile(r"\bdie(_unknown)? (\d) (\"[^\"]*\"|'[^']*')(?: (no|maybe))?|\busage (\"[^\"]*\"|'[^']*')")
_HOLE: Final = re.compile(r"\{\w+[^{}]*\}")
_SHELL_VALUE: Final = re.compile(r"\$\{(\w+)[^}]*\}|\$(\w+)")


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """一句话的样子：``{…}`` 是到时候填进去的值；``detail`` 是退出码之类。"""

    text: str
    where: str
    detail: str = ""


def raised(kind: str) -> list[Said]:
    """返回抛出（或做出）某种错误的地方说的话；去掉重复的。"""
    return sorted({said.text: said for said in _all_said().get(kind, [])}.values())


@functools.cache
def _all_said() -> dict[str, list[Said]]:
    """一遍看完源码：调用的名字到它说的话；``名字("…")`` 才算。"""
    found: dict[str, list[Said]] = {}
    for path in python_files(PROJECT, ("pam_deploy_graph",)):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and node.args and (text := _template(node.args[0])):
                said = Said(text, path.relative_to(PROJECT).as_posix(), _detail(node))
                found.setdefault(_called(node), []).append(said)
    return found


def _called(node: ast.Call) -> str:
    """调用的名字。"""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _detail(node: ast.Call) -> str:
    """第二个参数若是 ``ScriptExit`` 的一种，写出它。"""
    second = node.args[1] if len(node.args) > 1 else None
    return second.attr if isinstance(second, ast.Attribute) else ""


def _template(node: ast.expr) -> str:
    """把文字写成样子；不是文字的为空串。"""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part) for part in node.values)
    if isinstance(node, ast.Call) and _called(node) == "tr":
        text = _template(node.args[0])
        return _HOLE.sub("{…}", text).replace("{{", "{").replace("}}", "}") if node.keywords else text
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + (_template(node.right) or "{…}")
    return ""


def _part(part: ast.expr) -> str:
    """一段文字，或一个空位。"""
    return str(part.value) if isinstance(part, ast.Constant) else "{…}"


def scripted() -> list[Said]:
    """返回参考脚本入口会说的 ``ERROR=``；``detail`` 是退出码。"""
    path = PROJECT / "doc_scripts" / "pam_action.sh"
    found = []
    for match in _DIE.finditer(path.read_text(encoding="utf-8")):
        text = _SHELL_VALUE.sub("{…}", (match[3] or match[5]).strip("\"'"))
        if text.strip("{…}"):
            found.append(Said(text, path.name, match[2] or "2"))
    return sorted({said.text: said for said in found}.values(), key=lambda said: (said.detail, said.text))
