"""代码旁边的中文：状态、回滚状态、退出码各是什么意思；一个代码只有一个说法（纯函数）。"""

import re
from typing import Final

from pam_deploy_graph.constants import STATUS_WORDS, RollbackStatus, ScriptExit
from pam_deploy_graph.i18n import Worded, tr

EXIT_MEANINGS: Final[Worded[int]] = Worded(
    {
        ScriptExit.DONE: "做完了",
        ScriptExit.USAGE: "用法不对",
        ScriptExit.CONFIG: "配置不对",
        ScriptExit.UNAUTHORISED: "没有令牌，或令牌没有权限",
        ScriptExit.NOT_TAKEN: "没有送出，或没有收下",
        ScriptExit.REFUSED: "PAM 拒绝",
        ScriptExit.TIMEOUT: "超时",
        ScriptExit.UNKNOWN: "结果未知",
    }
)
"""动作的退出码（contract 第 3 节）。"""


def word_of(code: str, *, over: bool = False) -> str:
    """一个代码的中文；没有说法的就是它自己。运行结束了（``over``）的，没有谁还等着谁。"""
    return tr("没有人决定") if over and code == RollbackStatus.PENDING else STATUS_WORDS.get(code, code)


def with_word(code: str, *, over: bool = False) -> str:
    """一个代码连同中文，如 ``失败 FAILED``；没有说法的就是它自己。"""
    word = word_of(code, over=over)
    return code if word == code else f"{word} {code}"


def exit_text(code: int) -> str:
    """一个退出码连同意思，如 ``退出码 6（PAM 拒绝）``。"""
    return tr("退出码 {code}（{get}）", code=code, get=EXIT_MEANINGS.get(code, tr("结果未知")))


def bare_reason(reason: object, stage: object, ip: object) -> str:
    """原因去掉开头的「动作（地址）：」，前面已经说了是哪一台的哪一步。"""
    return re.sub(rf"^{re.escape(str(stage))}[（ (]+{re.escape(str(ip))}[)）][：:] ?", "", str(reason))
