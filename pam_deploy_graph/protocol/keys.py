"""幂等键：由一次运行、它的 ``nonce``、对谁做什么、第几次尝试组成（contract 第 3 节）。"""

import re
import secrets
from collections.abc import Mapping
from typing import Final

_OWNER: Final = re.compile(r"(?P<run_id>[0-9A-Za-z][\w.-]*)\.(?P<nonce>[0-9a-f]{8})")


def new_nonce() -> str:
    """返回 8 位十六进制的随机数；登记一次运行时取一个，从此键在各账本、各机器之间都不会相同。"""
    return secrets.token_hex(4)


def slot_of(ip: str | None, action: str) -> str:
    """返回 ``attempts`` 与 ``open_intents`` 用的键 ``<ip 或 ->:<action>``。"""
    return f"{ip or '-'}:{action}"


def idempotency_key(run_id: str, nonce: str, ip: str | None, action: str, attempt: int) -> str:
    """返回幂等键 ``<run_id>.<nonce>:<ip 或 ->:<action>:<attempt>``。

    从旧账本接过来的运行没有 ``nonce``，照旧写成 ``<run_id>:…``，才认得出自己当时留下的键。
    """
    owner = f"{run_id}.{nonce}" if nonce else run_id
    return f"{owner}:{slot_of(ip, action)}:{attempt}"


def owner_of(key: str) -> tuple[str, str]:
    """返回一个键是哪次运行留下的：``(run_id, nonce)``；不是这种写法的，两者都是空串。"""
    owner, _, rest = key.partition(":")
    found = _OWNER.fullmatch(owner) if rest else None
    return (found["run_id"], found["nonce"]) if found else ("", "")


def was_issued(issued: Mapping[str, int], key: str) -> bool:
    """一次运行有没有发过这个键；``issued`` 是它写过 INTENT 的各个尝试，键见 ``slot_of``。"""
    slot, _, attempt = key.partition(":")[2].rpartition(":")
    return attempt.isdigit() and issued.get(slot, 0) >= int(attempt)
