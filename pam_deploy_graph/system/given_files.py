"""读一个人或设置点名的文件：大小有限，一条路径（``/dev/zero``、几个 GB 的日志）占不满内存，也等不到天荒地老。"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from pam_deploy_graph.i18n import tr

SMALL: Final = 8 << 20
"""设置、清单、策略、账户、公钥、参数：再多的工作站也用不了这么大。"""
LARGE: Final = 256 << 20
"""一次运行的证据与状态：一万台的约几十 MiB。"""


def read_given(path: str | os.PathLike[str], most: int = SMALL) -> bytes:
    """读出整个文件。

    Args:
        path: 文件的路径；管道也行。
        most: 最多几字节。

    Raises:
        OSError: 读不了，或太大；``strerror`` 是原因。

    """
    with Path(path).open("rb") as file:
        return read_up_to(file, path, most)


def read_up_to(file: BinaryIO, path: str | os.PathLike[str], most: int = SMALL) -> bytes:
    """读完一个打开的文件；``path`` 只写进错误。

    Raises:
        OSError: 太大。

    """
    content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, tr("太大，上限 {most} KiB", most=most >> 10), os.fspath(path))
    return content


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """打开一个要读到底的文件，大小不限；管道、设备读不到底，也没有第二遍。

    Raises:
        OSError: 打不开，或不是普通文件。

    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, tr("不是普通文件"), os.fspath(path))
    return file
