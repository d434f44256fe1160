"""随包资源：脚本入口、操作规程等 ``doc_scripts`` 里的文件在哪里（依据 contract 第 6 节末）。"""

from pathlib import Path

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDER = "doc_scripts"


def packaged_path(name: str) -> Path:
    """找出随包的 ``doc_scripts`` 里的一个文件，与当前目录无关。

    先看检出目录里与本包并列的那一份，再看装进 wheel 的那一份。

    Args:
        name: 文件名，可以带 ``doc_scripts/`` 前缀。

    Raises:
        InvalidInputError: 哪里都没有。

    """
    relative = name.removeprefix(f"{_FOLDER}/")
    folders = [_PACKAGE.parent / _FOLDER, _PACKAGE / "_resources" / _FOLDER]
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
    looked = tr("、").join(map(str, folders))
    raise InvalidInputError(
        tr("找不到随包文件 {relative}，已看过 {looked}；请重新安装本程序", relative=relative, looked=looked)
    )


def packaged_folder() -> Path:
    """返回随包的 ``doc_scripts``；找不到同 ``packaged_path``。"""
    return packaged_path("pam_action.sh").parent


def nearby_path(name: str) -> Path:
    """同 ``packaged_path``，但当前目录的 ``doc_scripts`` 里有就用它。

    只给 ``PamDeployAgent`` 的默认路径用：调用者的目录是调用者自己的（contract 第 6 节）。
    """
    own = Path(_FOLDER) / name.removeprefix(f"{_FOLDER}/")
    return own if own.is_file() else packaged_path(name)


def is_packaged(path: str) -> bool:
    """一个文件是不是随程序来的；当前目录里同名的不是。"""
    homes = {(folder / _FOLDER).resolve() for folder in (_PACKAGE.parent, _PACKAGE / "_resources")}
    return Path(path).resolve().parent in homes
