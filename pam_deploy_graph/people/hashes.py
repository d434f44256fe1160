"""口令与令牌的散列：argon2id，参数用库的默认值。"""

import functools
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher


@functools.cache
def _hasher() -> "PasswordHasher":
    """散列的；用到才载入。"""
    from argon2 import PasswordHasher

    return PasswordHasher()


def new_hash(secret: str) -> str:
    """返回一个秘密的散列。"""
    return _hasher().hash(secret)


def matches(stored: str, secret: str) -> bool:
    """秘密对不对；没有存过散列的也照算一遍，免得从用时看出有没有这个人。"""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        _hasher().verify(stored or _nobody(), secret)
    except (Argon2Error, InvalidHashError):
        return False
    return bool(stored)


@functools.cache
def _nobody() -> str:
    """谁也答不对的一个散列。"""
    return new_hash(secrets.token_urlsafe())
