"""工作站上一个模块的目录：``releases/<version>/`` 与 ``current``、``previous``、``running`` 三个链接。

::

    workstations/<airport>/<ip>/<app>/<module>/
        releases/<version>/package        安装包的字节
        releases/<version>/manifest.json  应用、模块、版本、散列
        current   -> releases/<version>   当前版本
        previous  -> releases/<version>   被当前版本换下来的版本
        running   -> releases/<version>   正在运行的版本；没有这个链接即没有运行
        log.txt                           做过什么

链接都用改名一次换好，所以任何时刻读到的都是完整的事实；探针、查询和验证都从这里读。
"""

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.packages import hash_file

PACKAGE: Final = "package"
MANIFEST: Final = "manifest.json"
_LOG: Final = "log.txt"


@dataclass(frozen=True, slots=True)
class ModuleState:
    """三个链接各指向的版本；``None`` 为没有；``previous`` 是被当前版本换下来的那个。"""

    current: str | None = None
    previous: str | None = None
    running: str | None = None

    @property
    def former(self) -> str | None:
        """上一个版本：与当前版本不同的 ``previous``。"""
        return None if self.previous == self.current else self.previous


NOTHING: Final = ModuleState()
"""没有安装。"""


@dataclass(frozen=True, slots=True)
class Release:
    """要放到工作站上的一个版本，和它的安装包在 NODE 上的位置。"""

    app: str
    module: str
    version: str
    hash: str
    source: Path

    def manifest(self) -> str:
        """清单文件的内容。"""
        names = {"app": self.app, "module": self.module, "version": self.version, "hash": self.hash}
        return json.dumps(names, ensure_ascii=False) + "\n"


class ModuleFolder:
    """一个模块的目录；构造不碰磁盘。"""

    def __init__(self, path: Path) -> None:
        """``path`` 是 ``<ip>/<app>/<module>`` 那一层。"""
        self._path = path

    def release_path(self, version: str) -> Path:
        """一个版本的发布目录。"""
        return self._path / "releases" / version

    def state(self) -> ModuleState:
        """从磁盘读出真实情况；发布目录不见了的模块不算在运行。"""
        running = self._link("running")
        if running is not None and not self.has(running):
            running = None
        return ModuleState(self._link("current"), self._link("previous"), running)

    def settle(self, wanted: ModuleState) -> None:
        """把三个链接换成 ``wanted``；重做一遍结果相同。

        先停后换再启；上一个版本先记后换，不再需要时最后才忘，所以半途而废也能重新计划。
        """
        if wanted.running is None:
            self._point("running", None)
        if wanted.previous is not None:
            self._point("previous", wanted.previous)
        self._point("current", wanted.current)
        self._point("running", wanted.running)
        self._point("previous", wanted.previous)

    def has(self, version: str) -> bool:
        """工作站上有没有这个版本的安装包。"""
        return (self.release_path(version) / PACKAGE).exists()

    def stage(self, release: Release) -> None:
        """把安装包和清单放进发布目录：先在旁边备好，再整个换上。"""
        final = self.release_path(release.version)
        fresh, stale = (final.with_name(f".{kind}-{release.version}") for kind in ("new", "old"))
        for leftover in (fresh, stale):
            if leftover.exists():
                shutil.rmtree(leftover)
        fresh.mkdir(parents=True)
        shutil.copyfile(release.source, fresh / PACKAGE)
        (fresh / MANIFEST).write_text(release.manifest(), encoding="utf-8")
        if final.exists():
            final.rename(stale)
            fresh.rename(final)
            shutil.rmtree(stale)
        else:
            fresh.rename(final)

    def check(self, release: Release) -> str:
        """核对发布目录与清单、散列是否一致；一致为空串，否则是中文原因。"""
        path = self.release_path(release.version)
        try:
            names = sorted(item.name for item in path.iterdir())
            if names != sorted((PACKAGE, MANIFEST)):
                return tr("发布目录被改动过：里面是 {names}", names=tr("、").join(names) or tr("空的"))
            if (path / MANIFEST).read_text(encoding="utf-8") != release.manifest():
                return tr("发布目录被改动过：清单与 NODE 的记录不符")
            actual = hash_file(path / PACKAGE)
        except (OSError, UnicodeDecodeError):
            return tr("发布目录被改动过：版本 {version} 的文件缺失或读不了", version=release.version)
        if actual != release.hash:
            return tr("发布目录被改动过：散列应为 {hash}…，实为 {actual}…", hash=release.hash[:12], actual=actual[:12])
        return ""

    def log(self, level: str, text: str) -> None:
        """在日志里加一行。"""
        stamp = datetime.now().astimezone().isoformat(timespec="seconds")
        line = f"{stamp} [{level}] {text}\n"
        try:
            self._append(line)
        except FileNotFoundError:
            self._path.mkdir(parents=True)
            self._append(line)

    def _append(self, line: str) -> None:
        """写进日志文件；目录不存在就抛 ``FileNotFoundError``。"""
        with (self._path / _LOG).open("a", encoding="utf-8") as file:
            file.write(line)

    def read_log(self) -> str:
        """返回日志全文；还没有做过什么则为空串。"""
        try:
            return (self._path / _LOG).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _link(self, name: str) -> str | None:
        """读一个链接指向的版本。"""
        try:
            return (self._path / name).readlink().name
        except OSError:
            return None

    def _point(self, name: str, version: str | None) -> None:
        """原子地换一个链接；``None`` 为去掉它。"""
        link = self._path / name
        before = self._link(name)
        if before == version:
            return
        if version is None:
            link.unlink()
            return
        fresh = link if before is None else link.with_name(f"{name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(f"releases/{version}")
        if fresh is not link:
            fresh.replace(link)
