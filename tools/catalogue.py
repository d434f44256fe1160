"""英文的 gettext 目录：从代码、模板与帮助里取出要说给人听的话，与 ``.po`` 对上，编成 ``.mo``。

``--write`` 照代码更新 ``.po``（新的留着空，不再说的去掉）并编译；``--check`` 看有没有漏了、旧了、洞不同的。
"""

import ast
import importlib
import io
import re
import string
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from pam_deploy_graph.i18n import DOMAIN, EN
from tools.source import PROJECT, Offence, parse, parse_mode, python_files, report

PO: Final = Path("pam_deploy_graph/i18n/locales") / EN / "LC_MESSAGES" / f"{DOMAIN}.po"
CJK: Final = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_TEMPLATE: Final = re.compile(r"\btr\(\"([^\"]*)\"")
_HEADER: Final = """\
# 英文。msgid 由 make catalogue 从代码取出，msgstr 手写；{n:one|many} 是单复数。
msgid ""
msgstr ""
"Language: en\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MARKS: Final = frozenset({"tr", "msgid", "Worded"})


def messages() -> dict[str, str]:
    """返回每一句要翻译的话，与头一次说它的地方。"""
    found: dict[str, str] = {}
    for path in python_files(PROJECT, ("pam_deploy_graph",)):
        for text in _said_in(parse(path)):
            found.setdefault(text, path.relative_to(PROJECT).as_posix())
    for path in sorted((PROJECT / "pam_deploy_graph").rglob("*.j2")):
        for text in _TEMPLATE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(text, path.relative_to(PROJECT).as_posix())
    for text in _help():
        found.setdefault(text, "--help")
    return found


def _said_in(tree: ast.Module) -> Iterator[str]:
    """一个文件里登记的话：``tr``、``msgid`` 的第一个参数，``Worded`` 的值，``map(msgid, (…))`` 里的。"""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name, first = getattr(node.func, "id", ""), node.args[0]
        if name in _MARKS:
            yield from _texts(first.values if isinstance(first, ast.Dict) else [first])
        elif name == "map" and getattr(first, "id", "") == "msgid":
            yield from _texts(getattr(node.args[1], "elts", []))


def _texts(nodes: Sequence[ast.expr]) -> Iterator[str]:
    """其中直接写出来的。"""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _help() -> Iterator[str]:
    """每个命令、选项与参数的说明。"""
    program = importlib.import_module("pam_deploy_graph.__main__")
    typer = importlib.import_module("typer")
    pending: list[Any] = [typer.main.get_command(program.app)]
    while pending:
        command = pending.pop(0)
        pending += getattr(command, "commands", {}).values()
        told = [command.help, *(getattr(param, "help", None) for param in command.params)]
        yield from (text for text in told if text and CJK.search(text))


def updated(path: Path) -> Catalog:
    """照代码更新过的目录：译文照旧，不再说的去掉。"""
    known = {each.id: each.string for each in _read(path)} if path.is_file() else {}
    fresh = Catalog(EN, DOMAIN, creation_date=_EPOCH, revision_date=_EPOCH, fuzzy=False)
    for text, where in messages().items():
        fresh.add(text, known.get(text, ""), locations=[(where, 1)])
    return fresh


def _read(path: Path) -> Catalog:
    """读出一份目录。"""
    with path.open("rb") as file:
        return read_po(file, EN, DOMAIN)


def written(catalogue: Catalog) -> tuple[bytes, bytes]:
    """写成 ``.po`` 与 ``.mo``。"""
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, catalogue, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    write_mo(compiled, catalogue)
    return _HEADER.encode() + text.getvalue(), compiled.getvalue()


def problems(catalogue: Catalog) -> Iterator[str]:
    """译文哪里不对：空着、还有汉字与全角标点、洞与原文不同。"""
    for said, english in ((str(each.id), str(each.string)) for each in catalogue if each.id):
        if not english:
            yield f"没有译文：{said!r}"
        elif CJK.search(english):
            yield f"译文里还有中文：{english!r}"
        elif holes(said) != holes(english):
            yield f"洞不同：{said!r} 与 {english!r}"


def holes(text: str) -> set[str]:
    """一句话里各个洞的名字；不成格式的（没有洞的原文里写着花括号）当作没有。"""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


def main(argv: Sequence[str] | None = None) -> int:
    """照命令行的要求核对或更新。"""
    root, write = parse_mode(__doc__, argv)
    path, fresh = root / PO, updated(root / PO)
    text, compiled = written(fresh)
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        path.with_suffix(".mo").write_bytes(compiled)
        return 0
    wrong = list(problems(fresh))
    if [path.read_bytes(), path.with_suffix(".mo").read_bytes()] != [text, compiled]:
        wrong.append("`.po` 或 `.mo` 与代码不符；请运行 make catalogue（`.mo` 也由它编），补上空着的译文")
    return report([Offence(f"{PO}:1", each) for each in wrong], f"英文：{len(fresh)} 句，不对 {len(wrong)} 处")


if __name__ == "__main__":
    sys.exit(main())
