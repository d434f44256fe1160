"""令牌所在的文件（``PAM_TOKEN_FILE``、``PAM_SERVER_TOKEN_FILE``）：读它；用到之前先看一眼，好遮盖它。"""

from pathlib import Path

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.given_files import read_given


def read_token(path: str, name: str = "PAM_TOKEN_FILE") -> str:
    """读 ``name`` 指的文件里的令牌；空路径是没有设，为空串。

    Raises:
        InvalidInputError: 读不了。

    """
    try:
        return read_given(path).decode().strip() if path else ""
    except OSError as error:
        raise InvalidInputError(
            tr("{name} 指的文件 {path} 读不了：{problem}", name=name, path=path, problem=error.strerror)
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(tr("{name} 指的文件 {path} 不是文本，请核对路径", name=name, path=path)) from None


def peek_token(path: str) -> str:
    """同 ``read_token``，读不了的为空串，用到的时候再说；不是普通文件的（管道）只能读一次，不看。"""
    try:
        return read_token(path) if path and Path(path).is_file() else ""
    except (InvalidInputError, OSError):
        return ""
