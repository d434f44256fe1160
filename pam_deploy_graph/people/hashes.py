"""口令与令牌的散列：argon2id，参数用库的默认值。"""

import functools
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER: Final = PasswordHasher()


def new_hash(secret: str) -> str:
    """返回一个秘密的散列。"""
    return _HASHER.hash(secret)


def matches(stored: str, secret: str) -> bool:
    """秘密对不对；没有存过散列的也照算一遍，免得从用时看出有没有这个人。"""
    try:
        _HASHER.verify(stored or _nobody(), secret)
    except (Argon2Error, InvalidHashError):
        return False
    return bool(stored)


@functools.cache
def _nobody() -> str:
    """谁也答不对的一个散列。"""
    return new_hash(secrets.token_urlsafe())
