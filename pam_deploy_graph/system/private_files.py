"""只有本人可读的文件与目录，不受 umask 影响。"""

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.trusted_files import foreign

_BESIDE: Final = ("-wal", "-shm", "-journal")
_OURS: Final = frozenset({"runtime", "logs"})


def refuse_planted(path: Path) -> None:
    """``runtime/`` 与 ``logs/`` 连同其下都是本程序自己的：里面的链接不跟随，属于别人的目录不用（faults「files」）。

    Args:
        path: 要用的文件或目录；从它到最近的 ``runtime`` 或 ``logs`` 逐级看，别处不看。

    Raises:
        OSError: 有一级是链接，或属于别的账号；``strerror`` 是原因与做法，``filename`` 是哪一级。

    """
    chain = [path, *path.parents]
    ours = next((at for at, place in enumerate(chain) if place.name in _OURS), -1)
    for place in chain[: ours + 1]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = place.lstat()
            if stat.S_ISLNK(found.st_mode):
                raise OSError(errno.ELOOP, tr("那里是一个链接，不跟随；请移走它"), str(place))
            if reason := foreign(found):
                raise PermissionError(errno.EPERM, reason, str(place))


def private_folder(path: Path) -> None:
    """新建目录及缺少的各级上级目录，权限一律 0700；已有的目录不动，是别人放的就不用（``refuse_planted``）。"""
    refuse_planted(path)
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)


def private_database(path: Path) -> None:
    """备好一个 SQLite 数据库文件（0600）与它的目录。

    已经存在的文件绝不打开：本进程若已开着这个数据库，关掉任何一个描述符都会丢掉 SQLite 的 POSIX 锁，
    别的进程就会以为没有人在用，删掉还没有并回的 WAL。

    Raises:
        OSError: 建不了，那里是一个目录或链接，或属于别人。

    """
    for name in (path, *(Path(f"{path}{more}") for more in _BESIDE)):
        refuse_planted(name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, tr("那里是一个目录"), str(path))
    private_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    path.chmod(0o600)


def write_private(path: Path, content: bytes) -> None:
    """原子地写一个文件（0600）；写不成时原来的文件保持现状。"""
    private_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
