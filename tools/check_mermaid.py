"""用 mermaid 自己的分析器检查文档里的每个 Mermaid 代码块；没有 node 与 npm 时说明并跳过。

分析器装在 ``build/mermaid``（不入库），版本写在 ``tools/mermaid/package.json``。
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.documents import Block, blocks, pages
from tools.source import PROJECT, Offence, parse_root, report

_PARSER: Final = PROJECT / "build" / "mermaid"
_SOURCE: Final = PROJECT / "tools" / "mermaid"


def diagrams(root: Path) -> list[Block]:
    """列出全部 Mermaid 代码块。"""
    return [block for page, text in pages(root).items() for block in blocks(page, text) if block.kind == "mermaid"]


def install() -> None:
    """装好分析器；已装且版本没有变就什么也不做。"""
    wanted = (_SOURCE / "package.json").read_bytes()
    stamp = _PARSER / "node_modules" / ".installed"
    _PARSER.mkdir(parents=True, exist_ok=True)
    shutil.copy(_SOURCE / "parse.mjs", _PARSER)
    if stamp.is_file() and stamp.read_bytes() == wanted:
        return
    shutil.copy(_SOURCE / "package.json", _PARSER)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=_PARSER, check=True, stdout=subprocess.DEVNULL)
    stamp.write_bytes(wanted)


def check(found: Sequence[Block]) -> list[Offence]:
    """返回不合语法的代码块。"""
    given = json.dumps([{"where": block.where, "text": block.text} for block in found])
    done = subprocess.run(["node", "parse.mjs"], cwd=_PARSER, input=given, check=True, text=True, capture_output=True)
    return [Offence(**wrong) for wrong in json.loads(done.stdout)]


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的文档，打印每一处不合语法的。"""
    found = diagrams(parse_root(__doc__, argv))
    if not (shutil.which("node") and shutil.which("npm")):
        print(f"Mermaid：{len(found)} 块没有检查：要 node（20 起）与 npm，这台机器上没有")
        return 0
    install()
    offences = check(found)
    return report(offences, f"Mermaid：{len(found)} 块，不合语法 {len(offences)} 块")


if __name__ == "__main__":
    sys.exit(main())
