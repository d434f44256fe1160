"""一个文件的 SHA-256。"""

import hashlib
import os


def file_digest(path: str | os.PathLike[str]) -> str:
    """读一遍文件，返回小写十六进制的 SHA-256；读不了时抛 ``OSError``。"""
    with open(path, "rb") as file:  # noqa: PTH123 —— 路径可以就是文本
        return hashlib.file_digest(file, "sha256").hexdigest()
