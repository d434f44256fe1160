"""一个文件的 SHA-256。"""

import hashlib
import os

from pam_deploy_graph.system.given_files import open_regular


def file_digest(path: str | os.PathLike[str]) -> str:
    """读一遍文件，返回小写十六进制的 SHA-256；读不了、不是普通文件时抛 ``OSError``。"""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
