"""从一句话判断意图。"""

import re
from typing import Final

_RULES: Final = (
    ("preview", r"预演|预览|看看.*(步骤|计划)|先别(动|执行)|dry.?run|preview|show .*(plan|steps)"),
    ("cancel", r"取消|中止|终止|停掉|停止(部署|升级)|别升级了|cancel|abort|stop the"),
    ("rollback", r"回滚|回退|退回|roll\s?back|revert"),
    ("resume", r"继续|接着|续跑|resume|continue"),
    ("status", r"进度|状态|怎么样了|到哪|status|progress|how is"),
    ("deploy", r"部署|升级|升到|发布|安装|上线|更新|deploy|upgrade|install|roll\s?out|update"),
)


def detect_intent(text: str) -> tuple[str, float, str]:
    """返回意图、把握（0 到 1）和理由。"""
    lowered = text.casefold()
    for intent, pattern in _RULES:
        if match := re.search(pattern, lowered):
            return intent, 0.8, f"原话里有「{match.group()[:20]}」"
    return "unknown", 0.0, "没有听出要做什么"
