"""账本一行的编码与哈希链：每行的 ``link`` 由上一行的 ``link`` 与本行内容算出。"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from pam_deploy_graph.models import Event

GENESIS: Final = b"\0" * 16


def encode(events: Sequence[Event]) -> str:
    """把同时发生的事件编成一行的 ``body``；``at`` 另有一列，不重复写。"""
    bare = [{key: value for key, value in event.items() if key != "at"} for event in events]
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":"))


def decode(body: str, at: int) -> list[Event]:
    """还原一行里的事件，补上时间（Unix 毫秒）。"""
    events: list[dict[str, Any]] = json.loads(body)
    for event in events:
        event["at"] = at
    return events


def link_of(previous: bytes, seq: int, at: int, body: str) -> bytes:
    """返回本行的链接：SHA-256 的前 16 字节。"""
    return hashlib.sha256(b"%b%d:%d:%b" % (previous, seq, at, body.encode())).digest()[:16]
