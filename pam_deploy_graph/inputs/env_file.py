"""读一个 ``.env``：只有本人或 root 写得了的才算数；里面有几样绝不算数（contract 第 8 节）。"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pam_deploy_graph.constants import SYSLOG
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.origins import Origin, home_file
from pam_deploy_graph.system.trusted_files import read_trusted

_PROGRAMS: Final = frozenset({"pam_script_entry", "pam_mcp_command"})
"""选程序的设置：程序拿得到令牌，所以只有真正的环境变量（或选项）可以选。"""
_SECRET_FILES: Final = ("pam_token_file", "pam_server_token_file", "pam_client_key", "pam_client_cert")
_CONFINED: Final = (*_SECRET_FILES, "pam_audit_anchor", "pam_store_url")
"""内容是秘密、会出示给对方，或者由本程序写的文件。"""
_SQLITE: Final = "sqlite:///"


def env_text(path: Path) -> tuple[str, str]:
    """读一个 ``.env``，返回其中的文字，以及不读它的原因；没有这个文件两样都是空串。

    Raises:
        InvalidInputError: 读不懂。

    """
    try:
        return read_trusted(path).decode("utf-8"), ""
    except (FileNotFoundError, NotADirectoryError):
        return "", ""
    except PermissionError as error:
        return "", tr("{path} 没有读：{filename} {problem}", path=path, filename=error.filename, problem=error.strerror)
    except UnicodeDecodeError:
        raise InvalidInputError(tr("{path} 不是 UTF-8 文本，请另存为 UTF-8", path=path)) from None
    except OSError as error:
        raise InvalidInputError(tr("{path} 读不了：{problem}", path=path, problem=error.strerror)) from None


def refuse_programs(found: Mapping[str, tuple[str, Origin]]) -> None:
    """文件里的设置不能选程序。"""
    if named := sorted(_PROGRAMS & found.keys()):
        name, path = named[0], found[named[0]][1].text
        raise InvalidInputError(
            tr("{path} 里的 {name} 不算数：选程序的只能是环境变量，请移到环境变量里", path=path, name=name.upper())
        )


def refuse_outside(found: Mapping[str, tuple[str, Origin]], home: Path) -> None:
    """``home`` 的 ``.env`` 只能点 ``home`` 里面的这些文件：备好的目录里的一行，不可以送走、也不可以改写别处的文件。

    Raises:
        InvalidInputError: 点的在外面。

    """
    for name in _CONFINED:
        value, origin = found.get(name, ("", None))
        if origin == home_file(home / ".env") and (path := _path(name, value)) and not _within(Path(path), home):
            raise InvalidInputError(
                tr(
                    "{home} 里的 {name} 不算数：它点的文件不在 {home2} 里面；请移到环境变量或用户配置目录的 .env 里",
                    home=home / ".env",
                    name=name.upper(),
                    home2=home,
                )
            )


def _path(name: str, value: str) -> str:
    """一个设置点的文件；没有设的、点的不是文件的（``syslog``、PostgreSQL）为空串。"""
    if name == "pam_store_url":
        return value.removeprefix(_SQLITE) if value.startswith(_SQLITE) else ""
    return "" if (name, value) == ("pam_audit_anchor", SYSLOG) else value


def _within(path: Path, home: Path) -> bool:
    """照着链接走到头，还在不在里面；不是从根写起的，用的人从当前目录找起，这里也一样。"""
    return path.resolve().is_relative_to(home.resolve())
