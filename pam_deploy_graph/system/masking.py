"""唯一的遮盖之门：凡进来的文字，记下、显示、送出之前都从这里过（contract 第 2 节）。

它知道本进程用过的每一个秘密（令牌、模型的密钥、数据库的口令），也认得地址里的 ``用户:口令@`` 与像秘密的查询值。
秘密由拿到它的地方交来（``learn``），从此忘不掉：宁可多遮。
"""

import base64
import contextlib
import functools
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
_SHORTEST: Final = 6
"""短于这个长度的秘密守不住什么，遮掉它却会毁了别的字；参考脚本也照这个长度。"""
_CHUNK: Final = 1 << 20
QUERY_NAME: Final = (
    r"(?:[\w.-]*(?:token|secret|passw(?:or)?d|pwd|api[_-]?key|apikey|signature|credential)[\w.-]*|sig|auth|key)"
)
"""查询参数的名字像不像秘密。"""
_IN_ADDRESS: Final = re.compile(
    rf"(?i)(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/?#@'\"<>]*@|(?P<name>[?&;]{QUERY_NAME}=)[^\s&;#'\"<>]+"
)
_known: set[str] = set()


def learn(*secrets: str) -> None:
    """记住秘密；太短的不记：``t`` 这样的令牌会把 ``true`` 也改掉。"""
    new = {each for each in secrets if len(each) >= _SHORTEST} - _known
    if new:
        _known.update(new)
        _pattern.cache_clear()
        _byte_pattern.cache_clear()


def mask(text: str) -> str:
    """把一段文字里的秘密换成 ``***``，地址里的口令与像秘密的查询值也换。"""
    if _known:
        text = _pattern().sub(HIDDEN, text)
    return _IN_ADDRESS.sub(_without, text) if "@" in text or "=" in text else text


def masked(value: Any) -> Any:
    """同 ``mask``，逐层遮盖列表与字典里的文字；没有要遮的就原样返回，不另抄一份。"""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        found = [masked(each) for each in value]
        return value if all(new is old for new, old in zip(found, value, strict=True)) else found
    if isinstance(value, dict):
        return _masked_dict(value)
    return tuple(masked(each) for each in value) if type(value) is tuple else value


def blotted(data: bytes) -> bytes:
    """把字节里的秘密涂成同样长的 ``*``：里面记着长度的格式（检查点）涂过仍读得回来。"""
    return _byte_pattern().sub(lambda found: b"*" * len(found[0]), data) if _known else data


def mask_file(path: Path) -> None:
    """把一个文件里的秘密遮掉，边读边写，不论多大；不跟随链接，没有秘密的文件不动。

    Raises:
        OSError: 读写不成，或那里是一个链接。

    """
    if not _known:
        return
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
        if not any(changed for _, changed in _filtered(iter(lambda: source.read(_CHUNK), b""))):
            return
        source.seek(0)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as target:
                for piece, _ in _filtered(iter(lambda: source.read(_CHUNK), b"")):
                    target.write(piece)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise


def _masked_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    """遮盖一个字典；没有要遮的原样返回。"""
    found = {key: masked(each) for key, each in value.items()}
    return value if all(found[key] is each for key, each in value.items()) else found


def _filtered(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """一块一块地遮盖；跨块的秘密也遮得到。给出 ``(遮好的一块, 有没有遮)``。"""
    pattern, keep = _byte_pattern(), max(map(len, _variants())) * 4 - 1
    held = b""
    for chunk in chunks:
        held += chunk
        cut = max(len(held) - keep, 0)
        ends = [match.end() for match in pattern.finditer(held) if match.start() < cut]
        cut = max([cut, *ends])
        ready, held = held[:cut], held[cut:]
        piece = pattern.sub(HIDDEN.encode(), ready)
        yield piece, piece != ready
    piece = pattern.sub(HIDDEN.encode(), held)
    yield piece, piece != held


def _variants() -> list[str]:
    """每个秘密的各种写法，长的在前：原样、网址里的、JSON 里的、Base64 的。"""
    found: set[str] = set()
    for secret in _known:
        found |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        found.add(base64.b64encode(secret.encode("utf-8", "surrogateescape")).decode().rstrip("="))
    return sorted(found, key=len, reverse=True)


@functools.cache
def _pattern() -> re.Pattern[str]:
    """匹配任何一个秘密。"""
    return re.compile("|".join(map(re.escape, _variants())))


@functools.cache
def _byte_pattern() -> re.Pattern[bytes]:
    """同 ``_pattern``，用在字节上。"""
    return re.compile(b"|".join(re.escape(each.encode("utf-8", "surrogateescape")) for each in _variants()))


def _without(match: re.Match[str]) -> str:
    """地址里留下的部分。"""
    return f"{match['scheme']}{HIDDEN}@" if match["scheme"] else f"{match['name']}{HIDDEN}"
