"""状态目录：谁占着它、令牌、端口、出厂内容（contract 第 9 节 ``--state``）。"""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.config import Installed
from pam_deploy_graph.lab.database import Store
from pam_deploy_graph.lab.modules import Release
from pam_deploy_graph.lab.packages import PackageFolder, installed_package

HOST: Final = "127.0.0.1"
_TOKEN: Final = "token"  # noqa: S105 —— 文件名，不是令牌


class StateDir:
    """一个试验场的状态目录；同一时刻只许一个进程打开。"""

    def __init__(self, path: Path) -> None:
        """建好目录（0700）并占住它。

        Raises:
            InvalidInputError: 另一个试验场正在用，或者建不了。

        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InvalidInputError(
                tr("状态目录 {path} 用不了：{problem}", path=path, problem=error.strerror)
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise InvalidInputError(
                tr("状态目录 {path} 正被另一个试验场使用：先停掉它，或换一个目录", path=path)
            ) from None
        self.path = path
        self.store = Store(path / "lab.db")
        self.home_packages = PackageFolder(path / "home" / "packages")
        self.home_packages.sweep()

    def close(self) -> None:
        """放开目录。"""
        self.store.close()
        os.close(self._lock)

    def node_packages(self, airport: str) -> PackageFolder:
        """一个机场的 NODE 已同步的安装包。"""
        folder = PackageFolder(self.path / "nodes" / airport / "packages")
        folder.sweep()
        return folder

    def token(self, given: str) -> str:
        """决定令牌：给了就用给的，否则用上次的，再否则新生成；存成 0600 的文件。"""
        file = self.path / _TOKEN
        token = given or (file.read_text(encoding="utf-8").strip() if file.exists() else "")
        token = token or secrets.token_urlsafe(24)
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(token + "\n", encoding="utf-8")
        fresh.replace(file)
        return token

    def listen(self, name: str, wanted: int = 0, *, strict: bool = False) -> socket.socket:
        """在回环地址上占一个端口：先试 ``wanted``，再试上次用的，最后任选。

        Raises:
            InvalidInputError: ``strict`` 而 ``wanted`` 被占用。

        """
        remembered = int(self.store.get_meta(f"port:{name}") or 0)
        for port in dict.fromkeys((wanted or remembered, 0)):
            # 写明是 TCP：不写的话，asyncio 不会给接进来的连接关掉 Nagle 算法，应答要多等 40 毫秒。
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError as error:
                listener.close()
                if strict and port:
                    raise InvalidInputError(
                        tr("端口 {port} 用不了（{problem}）：请换一个 --port", port=port, problem=error.strerror)
                    ) from None
                continue
            listener.listen(2_048)
            self.store.set_meta(f"port:{name}", str(listener.getsockname()[1]))
            return listener
        raise InvalidInputError(tr("回环地址上没有空闲的端口"))

    def seed(self, installed: Iterable[Installed], airports: Sequence[str]) -> dict[str, list[Release]]:
        """让 HOME 持有并发布出厂版本、各 NODE 持有它们；已经有的不动，不算效果。

        Returns:
            每个机场要装到新工作站上的版本。

        """
        releases: dict[str, list[Release]] = {airport: [] for airport in airports}
        for one in installed:
            content = installed_package(one.app, one.module, one.version)
            digest = self._seed_home(one, content)
            for airport in airports:
                folder = self.node_packages(airport)
                if self.store.synced_hash(airport, one.app, one.module, one.version) is None:
                    folder.put(self.home_packages.find(digest).read_bytes())
                    self.store.add_synced(airport, one.app, one.module, one.version, digest)
                releases[airport].append(Release(one.app, one.module, one.version, digest, folder.find(digest)))
        return releases

    def _seed_home(self, one: Installed, content: bytes) -> str:
        """HOME 持有并发布一个出厂版本，返回散列；操作员早先上传过这个版本则用那一份。"""
        held = self.store.package(one.app, one.module, one.version)
        digest = held[0] if held else self.home_packages.put(content)
        with self.store.transaction():
            self.store.add_package(one.app, one.module, one.version, digest, len(content))
            if "" not in self.store.publications(one.app, one.module, one.version):
                self.store.publish(one.app, one.module, one.version, "", digest)
        return digest
