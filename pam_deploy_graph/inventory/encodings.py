"""文件的字节成为文字：UTF-8（带不带 BOM）、GBK 与 GB18030、带 BOM 的 UTF-16；看不出是哪一种的不猜。"""

import codecs
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.safe_text import show_value

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TWO_BYTES: Final = "\u07ff"
"""UTF-8 里写成两个字节的最后一个字；汉字都在它之后。"""


def decode(content: bytes, where: str) -> str:
    """读成文字，回车换行统一成换行。

    Args:
        content: 文件的全部字节。
        where: 文件怎样称呼。

    Raises:
        InvalidInputError: 不是文本，或两种编码都读得通而意思不同。

    """
    name = next((name for bom, name in _BOMS if content.startswith(bom)), "")
    found = _tried(content, name) if name else _told_apart(content, where)
    if found is None or "\0" in found:
        raise InvalidInputError(tr("{where} 不是 UTF-8、GBK 或带 BOM 的 UTF-16 文本，请另存为 UTF-8", where=where))
    return found.replace("\r\n", "\n").replace("\r", "\n")


def _told_apart(content: bytes, where: str) -> str | None:
    """没有 BOM 的：读得通 UTF-8 的是 UTF-8，除非里面只有两个字节一个的字：那也可能是 GBK 的汉字。"""
    plain, chinese = _tried(content, "utf-8"), _tried(content, "gb18030")
    if plain is None or chinese is None or plain.isascii() or any(char > _TWO_BYTES for char in plain):
        return chinese if plain is None else plain
    one, other = (next(line for line in text.splitlines() if not line.isascii()) for text in (plain, chinese))
    raise InvalidInputError(
        tr(
            "{where} 看不出是 UTF-8 还是 GBK（{one} 或 {other}），请另存为带 BOM 的 UTF-8",
            where=where,
            one=show_value(one),
            other=show_value(other),
        )
    )


def _tried(content: bytes, name: str) -> str | None:
    """照一种编码读；读不通为 ``None``。"""
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        return None
