"""检查点的错误：同账本的一样，指出在哪里、怎么办；没有回溯，什么也没有写一半（contract 第 8 节，退出码 12）。"""

import contextlib
import sqlite3
import sys
from collections.abc import Iterator

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.i18n import tr

_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError)
"""字节坏了时，解码与还原抛出的。"""


@contextlib.contextmanager
def naming(where: str, *, read: bool = False) -> Iterator[None]:
    """把检查点器的错误译成账本的错误。

    Args:
        where: 文件的路径；在 PostgreSQL 里的为空串。
        read: 是不是在读：读不懂的就是坏了。

    """
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(_said(where, str(error), tr("目录权限与磁盘空间"))) from error
    except _UNREADABLE as error:
        if not read:
            raise
        raise unreadable(where, error) from error
    except Exception as error:
        if not _from_postgres(error):
            raise
        reason = " ".join(str(error).split())
        raise LedgerError(_said(where, reason, tr("PAM_STORE_URL、数据库服务和到它的网络"))) from error


def unreadable(where: str, error: Exception) -> LedgerError:
    """内容坏了。"""
    shown = tr("检查点文件 {where}", where=where) if where else tr("检查点")
    return LedgerError(tr("{shown}已损坏：{error}；移走它之后再 resume，会从账本继续", shown=shown, error=error))


def _said(where: str, reason: str, advice: str) -> str:
    """写成一句。"""
    shown = tr("检查点文件 {where}", where=where) if where else tr("检查点")
    return tr(
        "{shown}读写不成：{reason}；已在下一次动手之前停下，请检查{advice}", shown=shown, reason=reason, advice=advice
    )


def _from_postgres(error: Exception) -> bool:
    """是不是数据库驱动的错误；没有装驱动就不是。"""
    driver = sys.modules.get("psycopg")
    return driver is not None and isinstance(error, driver.Error)
