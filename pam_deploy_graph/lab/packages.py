"""安装包：不透明的字节，按 SHA-256 存放，边收边算，从不整个放进内存（contract 第 3 节）。"""

import hashlib
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

_INSTALLED_SIZE: Final = 2_048


def hash_file(path: Path) -> str:
    """返回文件的 SHA-256（小写十六进制）。"""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_package(app: str, module: str, version: str) -> bytes:
    """生成出厂安装包的字节；同样的名字与版本永远得到同样的字节。"""
    seed = f"PAM-LAB-PACKAGE {app}/{module} {version}\n".encode()
    return seed + hashlib.shake_256(seed).digest(_INSTALLED_SIZE)


class PackageFolder:
    """按散列存放安装包的目录。"""

    def __init__(self, path: Path) -> None:
        """建好目录。"""
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def find(self, digest: str) -> Path:
        """散列对应的文件位置（不保证存在）。"""
        return self._path / digest

    def sweep(self) -> None:
        """清掉上次没有收完的文件。"""
        for leftover in self._path.glob(".incoming-*"):
            leftover.unlink()

    def put(self, content: bytes) -> str:
        """存入已在内存里的小安装包，返回散列。"""
        digest = hashlib.sha256(content).hexdigest()
        fresh = self._path / f".incoming-{uuid4().hex}"
        fresh.write_bytes(content)
        fresh.replace(self.find(digest))
        return digest

    async def receive(self, chunks: AsyncIterable[bytes]) -> "Incoming":
        """把一路字节收进临时文件，边收边算散列；收不完时不留文件。"""
        fresh = self._path / f".incoming-{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        try:
            with fresh.open("wb") as file:
                async for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        return Incoming(self, fresh, digest.hexdigest(), size)


class Incoming:
    """收完而尚未入库的安装包；``with`` 结束时，没有 ``keep`` 的被丢掉。"""

    def __init__(self, folder: PackageFolder, path: Path, digest: str, size: int) -> None:
        """记下临时文件、散列与字节数。"""
        self._folder = folder
        self._path = path
        self.hash = digest
        self.size = size

    def __enter__(self) -> Self:
        """交给调用者决定去留。"""
        return self

    def __exit__(self, *_: object) -> None:
        """丢掉没有入库的文件。"""
        self._path.unlink(missing_ok=True)

    def keep(self) -> None:
        """入库：改名一次，重做无妨。"""
        self._path.replace(self._folder.find(self.hash))
