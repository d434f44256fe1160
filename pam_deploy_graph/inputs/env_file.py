"""读一个 ``.env``：只有本人或 root 写得了的才算数。"""

from pathlib import Path

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.trusted_files import read_trusted


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
        return "", f"{path} 没有读：{error.filename} {error.strerror}"
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} 不是 UTF-8 文本，请另存为 UTF-8") from None
    except OSError as error:
        raise InvalidInputError(f"{path} 读不了：{error.strerror}") from None
