"""随包资源：脚本入口、操作规程等 ``doc_scripts`` 里的文件在哪里（依据 contract 第 6 节末）。"""

from pathlib import Path

from pam_deploy_graph.errors import InvalidInputError

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDER = "doc_scripts"


def packaged_path(name: str) -> Path:
    """找出 ``doc_scripts`` 里的一个文件。

    依次看当前目录的 ``doc_scripts``、检出目录里与本包并列的那一份、装进 wheel 的那一份。

    Args:
        name: 文件名，可以带 ``doc_scripts/`` 前缀。

    Returns:
        第一个存在的文件。

    Raises:
        InvalidInputError: 哪里都没有。

    """
    relative = name.removeprefix(f"{_FOLDER}/")
    folders = [Path(_FOLDER), _PACKAGE.parent / _FOLDER, _PACKAGE / "_resources" / _FOLDER]
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
    looked = "、".join(map(str, folders))
    raise InvalidInputError(f"找不到随包文件 {relative}，已看过 {looked}；请重新安装本程序")
