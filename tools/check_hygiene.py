"""检查 git 跟踪的文件：没有本机路径、软件源地址，也没有运行时留下的文件。

密钥由 detect-secrets 查（``make secrets``）。
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.source import Offence, parse_root, report, tracked_files

MAX_BYTES = 1_000_000

FORBIDDEN = {
    "本机路径": re.compile(
        r"(?<![\w.])/(?:work|root|home|Users)/[\w.]|/opt/(?:pypi|wheels)|[A-Z]:\\Users\\|file:///\w"
    ),
    "软件源地址": re.compile(
        r"(?:pypi|pythonhosted|npmjs|npmmirror)\.(?:org|com)\b"
        r"|mirrors?\.[\w.]+/(?:pypi|simple)"
        r"|index-url[ =]https?:"
    ),
}
LEFTOVER = re.compile(r"(?:^|/)(?:\.env|runtime/.*|logs/.*|.*\.(?:db|sqlite3?|log|pyc|pem|key))$")


def judge_name(name: str, size: int) -> Iterator[str]:
    """检查文件名与大小（字节）。"""
    if LEFTOVER.search(name):
        yield "运行时留下的文件不入库"
    if size > MAX_BYTES:
        yield f"有 {size} 字节，上限 {MAX_BYTES}"


def judge_text(text: str) -> Iterator[tuple[int, str]]:
    """逐行检查内容。"""
    for number, line in enumerate(text.splitlines(), start=1):
        for kind, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield number, f"含有{kind}"


def check(path: Path, name: str) -> Iterator[Offence]:
    """检查一个文件；二进制文件只看名字与大小。"""
    raw = path.read_bytes()
    yield from (Offence(f"{name}:1", what) for what in judge_name(name, len(raw)))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    yield from (Offence(f"{name}:{line}", what) for line, what in judge_text(text))


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的仓库，打印每一处问题。"""
    root = parse_root(__doc__, argv)
    paths = tracked_files(root)
    offences = [offence for path in paths for offence in check(path, path.relative_to(root).as_posix())]
    return report(offences, f"整洁：{len(paths)} 个文件，问题 {len(offences)} 处")


if __name__ == "__main__":
    sys.exit(main())
