"""脚本入口：按平台找到它，以及它要不要由解释器启动（依据 contract 第 3 节「脚本后端」）。"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.resources import packaged_folder
from pam_deploy_graph.system.safe_text import show_value

if TYPE_CHECKING:
    from pam_deploy_graph.settings import Settings

DEFAULT_BASE_DIR: Final = "doc_scripts"
_LAUNCHERS: Final = {
    ".sh": ["bash"],
    ".ps1": ["powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"],
}


def select_script_entry(
    base_dir: str | os.PathLike[str] = DEFAULT_BASE_DIR, platform: str = sys.platform, override: str | None = None
) -> str:
    """按平台选出脚本入口。

    Args:
        base_dir: 脚本所在目录；默认目录里没有时用随包的那一份。
        platform: 同 ``sys.platform``；``win32`` 上只认现场提供的 ``pam_action.ps1`` 或 ``.cmd``。
        override: 现成的入口，给了就只看它；不给则取自 ``PAM_SCRIPT_ENTRY``，空串是不看它。

    Returns:
        入口脚本的路径。

    Raises:
        InvalidInputError: 找不到入口；消息说明看过哪里。

    """
    override = current_settings().pam_script_entry if override is None else override
    if override:
        if not Path(override).is_file():
            raise InvalidInputError(
                tr("PAM_SCRIPT_ENTRY 指的脚本 {override} 不存在，请核对路径", override=show_value(override))
            )
        return override
    names = ["pam_action.ps1", "pam_action.cmd"] if platform == "win32" else ["pam_action.sh"]
    for name in names:
        if (Path(base_dir) / name).is_file():
            return str(Path(base_dir) / name)
    if Path(base_dir) == Path(DEFAULT_BASE_DIR) and platform != "win32":
        return select_script_entry(packaged_folder(), platform, "")
    raise InvalidInputError(
        tr(
            "目录 {base_dir} 里没有脚本入口 {names}，请放一份或设置 PAM_SCRIPT_ENTRY",
            base_dir=base_dir,
            names=tr(" 或 ").join(names),
        )
    )


def find_script_entry(base_dir: str | os.PathLike[str]) -> str:
    """同 ``select_script_entry``；找不到的为空串，用到脚本时再说看过哪里。"""
    try:
        return select_script_entry(base_dir)
    except InvalidInputError:
        return ""


def launcher(entry: str) -> list[str]:
    """返回启动入口要加在前面的解释器：没有执行权限的脚本（例如从 wheel 装出来的）才要，其余为空列表。"""
    if os.access(entry, os.X_OK) or not Path(entry).is_file():
        return []
    return _LAUNCHERS.get(Path(entry).suffix.lower(), [])


def current_settings() -> "Settings":
    """返回此刻的设置。用到时才读：导入它不便宜，而且构造之后才设的环境也算数。"""
    from pam_deploy_graph.settings import Settings

    return Settings()
