"""一个文件或目录只由信得过的人写得了：本人或 root，别人都不能改（contract 第 8 节）。"""

import os
import stat
from pathlib import Path
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.given_files import read_up_to

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def read_trusted(path: Path) -> bytes:
    """读一个只有本人或 root 写得了的文件；看的与读的是同一个打开的文件。

    Raises:
        PermissionError: 别人也写得了它，或它所在的目录；``strerror`` 是原因与改法。
        OSError: 读不了，或太大。

    """
    for place, found in ((path.parent, path.parent.stat()), (path, path.lstat())):
        _refuse(place, distrust(found))
    with path.open("rb") as file:
        _refuse(path, distrust(os.fstat(file.fileno())))
        return read_up_to(file, path)


def distrust(found: os.stat_result) -> str:
    """说明一个文件或目录为什么信不过；信得过的为空串。

    别人可写的目录带粘滞位的（例如 ``/tmp``）不算：别人动不了里面不属于他的东西。
    """
    if reason := foreign(found):
        return reason
    sticky_folder = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & _OTHERS_WRITE and not sticky_folder and not stat.S_ISLNK(found.st_mode):
        return tr("本人以外的账号也能写它，请 chmod go-w")
    return ""


def foreign(found: os.stat_result) -> str:
    """说明一个文件或目录为什么是别人的；本人或 root 的为空串。"""
    return (
        ""
        if found.st_uid in (os.geteuid(), 0)
        else tr("属于别的账号（uid {st_uid}），应属于本人或 root", st_uid=found.st_uid)
    )


def _refuse(place: Path, reason: str) -> None:
    """信不过就抛。"""
    if reason:
        raise PermissionError(0, reason, str(place))
