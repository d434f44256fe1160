"""账本一行的编码与哈希链：每行的 ``link`` 由上一行的 ``link`` 与本行内容算出。"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from pam_deploy_graph.models import Event
from pam_deploy_graph.system.masking import mask

GENESIS: Final = b"\0" * 16


def encode(events: Sequence[Event], at: int) -> str:
    """把合成一行的事件编成 ``body``；行有自己的 ``at`` 列，事件只记比它早多少毫秒（``ago``）。

    孤立代理项之类写不成 UTF-8 的字符，写成 JSON 的转义。
    """
    bare = [_bare(event, at) for event in events]
    return to_text(json.dumps(bare, ensure_ascii=False, separators=(",", ":")))


def to_text(text: str) -> str:
    """遮过秘密，写不成 UTF-8 的字符与 NUL（PostgreSQL 不收）换成转义的写法，其余不变。"""
    return mask(text).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _bare(event: Event, at: int) -> Event:
    """事件落盘的样子。"""
    bare = {key: value for key, value in event.items() if key != "at"}
    if ago := at - event["at"]:
        bare["ago"] = ago
    return bare


def decode(body: str, at: int) -> list[Event]:
    """还原一行里的事件，补上各自发生的时间（Unix 毫秒）。"""
    events: list[dict[str, Any]] = json.loads(body)
    for event in events:
        event["at"] = at - event.pop("ago", 0)
    return events


def link_of(previous: bytes, seq: int, at: int, body: str) -> bytes:
    """返回本行的链接：SHA-256 的前 16 字节。"""
    return hashlib.sha256(b"%b%d:%d:%b" % (previous, seq, at, body.encode())).digest()[:16]


def decision_link(previous: bytes, content: Any) -> bytes:
    """返回一个决定的链接，算法同 ``link_of``，内容是它其余的各列。"""
    bare = {name: value for name, value in content.items() if name not in ("run_no", "link")}
    text = json.dumps(bare, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=bytes.hex)
    return hashlib.sha256(previous + text.encode()).digest()[:16]


def text_digest(text: str) -> str:
    """返回一段文字的 SHA-256（十六进制）。"""
    return hashlib.sha256(text.encode()).hexdigest()
