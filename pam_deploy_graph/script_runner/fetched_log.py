"""脚本取回的日志：在报告与人看到之前，从遮盖之门流过一遍（contract 第 2 节）。"""

from pathlib import Path

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult
from pam_deploy_graph.system.masking import mask_file


def mask_fetched(result: ActionResult, folder: Path) -> ActionResult:
    """把脚本写下的日志里的秘密遮掉；不在这次运行的日志目录里的不碰，报告也不读它。

    Args:
        result: ``download-log`` 的结果。
        folder: 这次运行的日志目录。

    Returns:
        原样的结果；日志读写不成的是失败。

    """
    named = str(result.values.get("LOG_FILE", ""))
    if not result.ok or not named or "\0" in named:
        return result
    path = Path(named)
    try:
        if path.parent.resolve().is_relative_to(folder.resolve()) and path.is_file():
            mask_file(path)
    except OSError as error:
        reason = tr("日志 {path} 遮不了秘密：{problem}；请检查日志目录", path=path, problem=error.strerror)
        return ActionResult.failure(result.action, result.backend, reason)
    return result
