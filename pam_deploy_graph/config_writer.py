"""脚本后端的配置文件：``KEY=VALUE`` 行，权限 0600，只解析、从不执行（依据 contract 第 2、3 节）。

令牌永远不写进配置文件：键名像秘密的一律拒绝。
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.private_files import write_private
from pam_deploy_graph.system.safe_text import show_value

_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET = re.compile(r"(^|_)TOKEN$|PASSWORD|SECRET")
# 控制字符、行与段分隔符会拆出新的一行，孤立代理项写不成 UTF-8。
_FORBIDDEN = frozenset({"Cc", "Zl", "Zp", "Cs"})


def render_config(params: Mapping[str, str]) -> str:
    """把参数写成配置文件的文本，保持给出的顺序。

    Args:
        params: 大写键（字母开头，只含字母、数字、下划线）到单行文本。

    Returns:
        每个参数一行 ``KEY=VALUE``，以换行结尾；没有参数时为空串。

    Raises:
        InvalidInputError: 键不合规则或像秘密，值不是文本或含控制字符。

    """
    for key, value in params.items():
        _check_key(key)
        _check_value(key, value)
    return "".join(f"{key}={value}\n" for key, value in params.items())


def parse_config(text: str) -> dict[str, str]:
    """解析配置文件的文本；空行和 ``#`` 开头的行忽略，重复的键以后一个为准。

    Args:
        text: 配置文件的全部内容。

    Returns:
        键到值；值原样保留，包括首尾空白。

    Raises:
        InvalidInputError: 有一行不是 ``KEY=VALUE``，键像秘密，或值含控制字符。

    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            # 不回显这一行：它可能正是误放进来的秘密。
            raise InvalidInputError(tr("配置文件第 {number} 行不是 KEY=VALUE，请改正或删去这一行", number=number))
        _check_key(key)
        _check_value(key, value)
        values[key] = value
    return values


def write_config(params: Mapping[str, str], path: str | os.PathLike[str]) -> Path:
    """原子地写配置文件：读者看到的不是旧内容就是新内容。

    Args:
        params: 同 ``render_config``。
        path: 目标文件；所在目录不存在就以 0700 新建。

    Returns:
        写好的文件，权限 0600，不受 umask 影响。

    Raises:
        InvalidInputError: 同 ``render_config``。
        OSError: 目录或文件写不了。

    """
    text = render_config(params)
    target = Path(path)
    write_private(target, text.encode())
    return target


def _check_key(key: str) -> None:
    """键必须合乎写法，并且不像秘密。"""
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            tr("配置的键 {key} 不合规则：大写字母开头，只含大写字母、数字和下划线", key=show_value(key))
        )
    if _SECRET.search(key):
        raise InvalidInputError(tr("配置的键 {key} 像是秘密：令牌只能来自环境变量 PAM_TOKEN 或密钥文件", key=key))


def _check_value(key: str, value: object) -> None:
    """值必须是一行可以写成 UTF-8 的文本。"""
    if not isinstance(value, str):
        raise InvalidInputError(tr("配置 {key} 的值 {value} 应为文本", key=key, value=show_value(value)))
    if not value.isprintable() and not _FORBIDDEN.isdisjoint(map(unicodedata.category, value)):
        raise InvalidInputError(
            tr("配置 {key} 的值 {value} 不能含换行或其他控制字符", key=key, value=show_value(value))
        )
