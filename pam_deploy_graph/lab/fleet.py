"""一个机场的工作站：名册、目录、是否在线（contract 第 9 节）。"""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.lab.database import Store
from pam_deploy_graph.lab.modules import ModuleFolder, ModuleState, Release

_FIRST: Final = IPv4Address("10.0.0.0")
_OFFLINE: Final = ".offline"


class Fleet:
    """一个机场的全部工作站。"""

    def __init__(self, airport: str, root: Path, store: Store) -> None:
        """``root`` 是状态目录；名册从 ``store`` 读。"""
        self.airport = airport
        self._root = root / "workstations" / airport
        self._store = store
        self._ips: list[str] = []
        self._locks: dict[str, asyncio.Lock] = {}

    def build(self, count: int, installed: Sequence[Release]) -> None:
        """补足到 ``count`` 台（从不减少），新的装好并运行 ``installed``；中途被杀，重做无妨。"""
        known = set(self._store.workstations(self.airport))
        missing = [(n, ip) for n in range(1, count + 1) if (ip := str(_FIRST + n)) not in known]
        for _, ip in missing:
            for release in installed:
                folder = self.module(ip, release.app, release.module)
                folder.stage(release)
                folder.settle(ModuleState(release.version, None, release.version))
        self._store.add_workstations(self.airport, missing)
        self._ips = self._store.workstations(self.airport)
        self._locks = {ip: asyncio.Lock() for ip in self._ips}

    @property
    def ips(self) -> list[str]:
        """全部工作站，按编号。"""
        return self._ips

    def __contains__(self, ip: str) -> bool:
        """是否有这台工作站。"""
        return ip in self._locks

    def lock(self, ip: str) -> asyncio.Lock:
        """一台工作站同时只做一个动作。"""
        return self._locks[ip]

    def module(self, ip: str, app: str, module: str) -> ModuleFolder:
        """一个模块的目录。"""
        return ModuleFolder(self._root / ip / app / module)

    def online(self, ip: str) -> bool:
        """是否在线。"""
        return not (self._root / ip / _OFFLINE).exists()

    def set_online(self, ip: str, *, online: bool) -> None:
        """让一台工作站上线或离线；重启之后仍然如此。"""
        marker = self._root / ip / _OFFLINE
        if online:
            marker.unlink(missing_ok=True)
            return
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def last_key(self, ip: str, app: str, module: str) -> str:
        """一个模块最近一次生效动作的幂等键；没有则为空串。"""
        return self._store.last_key(self.airport, ip, app, module)

    def default_module(self, ip: str) -> tuple[str, str] | None:
        """没有点名模块时看哪一个：最近动过的，否则第一个装着的。"""
        if last := self._store.last_effect(self.airport, ip):
            return last
        return self._first_module(ip)

    def _first_module(self, ip: str) -> tuple[str, str] | None:
        """磁盘上第一个装着的模块。"""
        for app in _folders(self._root / ip):
            for module in _folders(self._root / ip / app):
                return app, module
        return None

    async def describe(self, ips: Sequence[str]) -> list[dict[str, Any]]:
        """各工作站的真实情况（``GET /lab/workstations``）；上万台也不让别的请求等着。"""
        last = self._store.last_modules(self.airport)
        return await asyncio.to_thread(lambda: [self._describe(ip, last.get(ip)) for ip in ips])

    def _describe(self, ip: str, chosen: tuple[str, str] | None) -> dict[str, Any]:
        """一台工作站的真实情况。"""
        chosen = chosen or self._first_module(ip)
        state = self.module(ip, *chosen).state() if chosen else ModuleState()
        return {
            "ip": ip,
            "online": self.online(ip),
            "running": state.running is not None,
            "version": state.current,
            "previous_version": state.former,
        }


def _folders(path: Path) -> list[str]:
    """目录里的子目录名，按字母；目录不存在则为空。"""
    try:
        return sorted(item.name for item in path.iterdir() if item.is_dir())
    except FileNotFoundError:
        return []
