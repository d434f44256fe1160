"""样子：一台工作站在页面上属于哪一种处境；颜色之外另有记号与文字。"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.constants import NOT_STARTED, IpStatus, RollbackStatus
from pam_deploy_graph.i18n import msgid, tr


@dataclass(frozen=True, slots=True)
class Look:
    """一种处境：样式类名、记号、名称、一句解释。"""

    key: str
    glyph: str
    name: str
    about: str

    @property
    def label(self) -> str:
        """名称。"""
        return tr(self.name)

    @property
    def meaning(self) -> str:
        """一句解释。"""
        return tr(self.about)


_ALL: Final = (
    Look("waiting", "?", msgid("等人决定"), msgid("停下了，等人决定要不要回滚")),
    Look("stuck", "!", msgid("回滚失败"), msgid("批准了回滚而没有成功，可以再决定一次")),
    Look("doubt", "≈", msgid("结果未知"), msgid("最后一个动作做没做成，查不清")),
    Look("failed", "×", msgid("失败，保持现状"), msgid("人决定不回滚，或还没有问")),
    Look("rolled", "↺", msgid("失败，已回滚"), msgid("回到了原来的版本")),
    Look("recalled", "↩", msgid("成功后已退回"), msgid("验证通过之后，照操作员的要求退回了原来的版本")),
    Look("running", "▸", msgid("进行中"), msgid("开了工，还没有结果")),
    Look("idle", "·", msgid("未开工"), msgid("还没有轮到，或在它之前就停下了")),
    Look("offline", "○", msgid("不在线"), msgid("要求了，但当时不在线，没有部署")),
    Look("same", "=", msgid("已是这个版本"), msgid("开工时查到它已经在目标版本上运行")),
    Look("done", "✓", msgid("成功"), msgid("验证通过")),
)
LOOKS: Final = {look.key: look for look in _ALL}
"""全部处境，按「该先看哪个」排列。"""

_BY_ROLLBACK: Final = {
    RollbackStatus.DONE: "rolled",
    RollbackStatus.FAILED: "stuck",
    RollbackStatus.PENDING: "waiting",
}
_BY_STATUS: Final = {IpStatus.RUNNING: "running", NOT_STARTED: "idle"}
_AFTER_SUCCESS: Final = _BY_ROLLBACK | {RollbackStatus.DONE: "recalled"}


def look_of(workstation: Mapping[str, Any], *, skipped: bool) -> Look:
    """判断一台工作站的处境。

    Args:
        workstation: ``report_object`` 里的一台。
        skipped: 开工时是否查到它已在目标版本上。

    """
    status, rollback = workstation["status"], workstation["rollback"]
    if key := _BY_STATUS.get(status):
        return LOOKS[key]
    if status == IpStatus.SUCCESS:
        return LOOKS[_AFTER_SUCCESS.get(rollback, "same" if skipped else "done")]
    if status == IpStatus.FAILED:
        return LOOKS[_BY_ROLLBACK.get(rollback, "failed")]
    settled = rollback in (RollbackStatus.DONE, RollbackStatus.FAILED)
    return LOOKS[_BY_ROLLBACK[rollback] if settled else "doubt"]
