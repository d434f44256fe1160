"""把各幕写成一页，并看它漂移了没有：时间、地址、名字这些每次不同的先抹平，空白不比。"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tools.source import Offence, parse_mode, report
from tools.terminal.scenes import SCENES, play

PAGE: Final = "docs/terminal.md"
_HEAD: Final = """# 夜里三点的终端

由 `make terminal` 写出：真的程序、真的试验场，屏上看得见什么就抄什么。每一幕里他打的字、该看见的字，
是 [tools/terminal/scenes.py](../tools/terminal/scenes.py) 里的断言；画面漂移了，`make test-terminal` 说得出来。
"""
_SMOOTH: Final = (
    (r"\d{8}_\d{6}_[0-9a-f]{6}", "运行名"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:端口"),
    (r"/[\w/]*/pam-\w+", "/srv/pam"),
    (r"\d{4}-\d\d-\d\dT?\d\d:\d\d:\d\d(?:[+-]\d\d:?\d\d)?", "时刻"),
    (r"(?<![\d:])\d\d:\d\d:\d\d(?:[+-]\d\d:?\d\d)?", "时刻"),
    (r"[0-9a-f]{64}", "SHA-256"),
    (r"(指纹|摘要|Digest|MCP tools)(:? )[0-9a-f]{12}", r"\1\2十二位"),
    (r"\(?主机 \S+ 上的进程 \d+", "主机 某处 上的进程 号"),
    (r"已 \d+ 秒", "已 几 秒"),
    (r"已用 [\d:]+(?: · 约剩 [\d:]+)?", "已用 几分"),
)


def smooth(text: str) -> str:
    """抹平每次不同的；空白、折行不算。"""
    text = re.sub(r"\s+", "", text)
    for pattern, word in _SMOOTH:
        text = re.sub(pattern.replace(" ", ""), word.replace(" ", ""), text)
    return text


def section(name: str, shots: Sequence[tuple[str, str]]) -> str:
    """一幕写成一节。"""
    about = str(SCENES[name].__doc__).strip()
    blocks = [f"{told}：\n\n```text\n{screen}\n```\n" for told, screen in shots]
    return "\n".join([f"## {name}\n", f"{about}\n", *blocks])


def sections(text: str) -> dict[str, str]:
    """把一页拆成名字到那一节。"""
    names = "|".join(map(re.escape, SCENES))
    parts = re.split(rf"^## ({names})\n", text, flags=re.MULTILINE)[1:]
    return {name: f"## {name}\n{body}" for name, body in zip(parts[::2], parts[1::2], strict=True)}


def drifted(name: str, fresh: str, page: Mapping[str, str]) -> bool:
    """一节与页面上的不一样了。"""
    return smooth(fresh) != smooth(page.get(name, ""))


def main(argv: Sequence[str] | None = None) -> int:
    """演各幕，写出或比较 ``docs/terminal.md``。"""
    root, write = parse_mode(__doc__, argv)
    path = root / PAGE
    fresh = {name: section(name, play(name)) for name in SCENES}
    known = sections(path.read_text(encoding="utf-8")) if path.is_file() else {}
    stale = [name for name in SCENES if drifted(name, fresh[name], known)]
    if write:
        path.write_text("\n".join([_HEAD, *fresh.values()]), encoding="utf-8")
        stale = []
    return report(
        [Offence(f"{PAGE}:1", f"「{name}」变了；看过之后运行 make terminal") for name in stale], f"{len(fresh)} 幕"
    )


if __name__ == "__main__":
    sys.exit(main())
