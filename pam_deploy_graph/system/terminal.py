"""往终端写的门：标准输出与标准错误的字都从这里出去，不带外来的控制码（依据 faults「hostile」）。"""

import json
import sys
from typing import Final

from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.safe_text import is_plain, neutralise

_ASCII: Final = 127


def put(text: str, *, err: bool = False, end: str = "\n", before: str = "") -> None:
    """把几行字写到标准输出（``err`` 是标准错误）并立即送出。

    Args:
        text: 几行字，里面可以有外来的。
        err: 写到标准错误。
        end: 末尾加上的。
        before: 前面的控制码，原样写出。

    Raises:
        OSError: 写不出去。

    """
    stream = sys.stderr if err else sys.stdout
    stream.write(before + for_screen(text) + end)
    stream.flush()


def put_page(page: str) -> None:
    """把一页自称 UTF-8 的 HTML 写到标准输出：不随终端的编码走。

    Raises:
        OSError: 写不出去。

    """
    sys.stdout.flush()
    sys.stdout.buffer.write(for_screen(page).encode() + b"\n")
    sys.stdout.buffer.flush()


def for_screen(text: str) -> str:
    """外来的几行字在终端里只是字：遮过秘密，换行与制表之外的控制字符写成看得见的转义。"""
    return "\n".join("\t".join(map(neutralise, line.split("\t"))) for line in mask(text).split("\n"))


def put_json(text: str) -> None:
    """把一段 JSON 写到标准输出并立即送出，见 ``plain_json``；编码里没有的字也写成转义。

    Raises:
        OSError: 写不出去。

    """
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") in {"utf8", "utf8sig"}
    sys.stdout.write(plain_json(text, only_ascii=not utf8) + "\n")
    sys.stdout.flush()


def plain_json(text: str, *, only_ascii: bool = False) -> str:
    """把 JSON 里看不见的字写成它自己的转义，值不变；这些字只会在字符串里面。"""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not line.isprintable() or (only_ascii and not line.isascii()):
            lines[number] = "".join(
                c if is_plain(c) and not (only_ascii and ord(c) > _ASCII) else json.dumps(c)[1:-1] for c in line
            )
    return "\n".join(lines)
