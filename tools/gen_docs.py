"""由代码生成 ``docs/`` 下的页面；``--check`` 时只比较，页面过时就不通过。"""

import importlib
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tools.source import Offence, parse_mode, report

PAGES = {
    "docs/action_table.md": "tools.pages.action_table",
    "docs/cli.md": "tools.pages.cli",
    "docs/flowchart.md": "tools.pages.flowchart",
    "docs/errors.md": "tools.pages.errors",
    "docs/hosts.md": "tools.pages.hosts",
    "docs/ledger.md": "tools.pages.ledger",
    "docs/mcp.md": "tools.pages.mcp",
    "docs/script.md": "tools.pages.script",
    "docs/settings.md": "tools.pages.settings",
    "docs/images/chat.svg": "tools.pages.chat_picture",
    "docs/studio.md": "tools.pages.studio",
    "docs/openapi.json": "tools.pages.openapi",
}


@cache
def render(module: str) -> str:
    """返回一页的文本，末尾恰有一个换行。"""
    text: str = importlib.import_module(module).render()
    return text.rstrip("\n") + "\n"


def drift(path: Path, wanted: str) -> str | None:
    """说出页面与代码哪里不符；相符时返回 ``None``。"""
    if not path.is_file():
        return "还没有生成；请运行 make docs"
    found = path.read_text(encoding="utf-8")
    if found == wanted:
        return None
    pairs = enumerate(zip(found.splitlines(), wanted.splitlines(), strict=False), start=1)
    line = next((number for number, (old, new) in pairs if old != new), "末尾")
    return f"与代码不符（第 {line} 行起）；请运行 make docs"


def main(argv: Sequence[str] | None = None) -> int:
    """照命令行的要求比较或写出全部页面。"""
    root, write = parse_mode(__doc__, argv)
    offences = []
    for name, module in PAGES.items():
        path, wanted = root / name, render(module)
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
        elif problem := drift(path, wanted):
            offences.append(Offence(f"{name}:1", problem))
    return report(offences, f"生成的页面：{len(PAGES)} 页，不符 {len(offences)} 页")


if __name__ == "__main__":
    sys.exit(main())
