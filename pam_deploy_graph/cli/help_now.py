"""此刻可以说什么：帮助与补全都由它来。"""

from collections.abc import Mapping
from typing import Any, Final

from pam_deploy_graph.constants import CONFIRM, WORDS, Ask
from pam_deploy_graph.i18n import msgid, tr

LEAVE: Final = frozenset({"退出", "exit", "quit", "再见", "bye"})
_HELP: Final = frozenset({"help", "帮助", "?", "？", "怎么用", "能说什么"})

IDLE: Final = "idle"
RUNNING: Final = "running"

_MOMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    IDLE: {
        msgid("把首都机场的 checkin 应用 gate 模块升级到 1.2.3，先灰度 2 台"): msgid(
            "部署：机场、应用、模块、版本；缺什么会问"
        ),
        msgid("继续"): msgid("接着做中断的；也可以说「继续 运行名」"),
        msgid("进度"): msgid("看最近一次运行；也可以说「运行名 怎么样了」"),
        msgid("取消"): msgid("取消中断的那一次；先说出代价再请你确认"),
        msgid("把 10.0.0.9 退回"): msgid("退回到那次运行之前的版本；先问再做"),
        msgid("退出"): msgid("离开"),
    },
    RUNNING: {
        msgid("进度"): msgid("看做到哪里；不打断推出"),
        msgid("暂停"): msgid("不再开新的，进行中的做完就停（同 Ctrl-C；再按一次 Ctrl-C 立即停）"),
        msgid("取消"): msgid("没有开工的不再做，这次运行就此结束；先说出代价再请你确认"),
    },
    str(Ask.PARAMS): {
        msgid("直接补充"): msgid("例如：版本 1.2.3，只做 10.0.0.1 到 10.0.0.9"),
        msgid("取消"): msgid("不做了；什么也没有改变"),
    },
    str(Ask.PLAN): {
        msgid("同意"): msgid("照这份计划动手"),
        msgid("拒绝"): msgid("不照它做；什么也没有改变"),
        msgid("版本改成 1.2.4"): msgid("要改什么就说什么，随后给出新的计划"),
        msgid("进度"): msgid("看做到哪里"),
        msgid("暂停"): msgid("先不答，停在这里"),
        msgid("取消"): msgid("取消本次部署"),
    },
    str(Ask.ROLLBACK): {
        msgid("同意"): msgid("回滚：回到这次运行之前的样子"),
        msgid("拒绝"): msgid("保持现状，接着做别的"),
        msgid("重试"): msgid("查清实情，从失败的那一步接着做"),
        msgid("10.0.0.3 回滚，其余重试"): msgid("几台分开说"),
        msgid("跳过 10.0.0.7"): msgid("改没有开工的：跳过几台、先做几台、同时几台"),
        msgid("进度"): msgid("看做到哪里"),
        msgid("暂停"): msgid("先不答，停在这里"),
        msgid("取消"): msgid("没有开工的不再做；先说出代价再请你确认"),
    },
    CONFIRM: {msgid("确认"): msgid("照上面说的做"), msgid("不"): msgid("不做")},
}


def is_help(text: str) -> bool:
    """是不是在问能说什么。"""
    return text.strip().rstrip("。.!！").lower() in _HELP


def help_at(question: Mapping[str, Any]) -> str:
    """一个问题上可以说什么；问题没有给出的回答不列。"""
    return help_text(_moment(question), _hidden(question))


def help_text(moment: str, hidden: frozenset[str] = frozenset()) -> str:
    """此刻可以说什么，一行一种。"""
    rows = [
        tr("  {said} —— {does}", said=tr(said), does=tr(does))
        for said, does in _MOMENTS[moment].items()
        if tr(said) not in hidden
    ]
    return "\n".join([tr("此刻可以说："), *rows])


def words_at(question: Mapping[str, Any], moment: str) -> list[str]:
    """此刻可以补全的话。"""
    chosen = _moment(question) if question else moment
    return [*(said for said in map(tr, _MOMENTS[chosen]) if said not in _hidden(question)), tr("帮助")]


def _moment(question: Mapping[str, Any]) -> str:
    """一个问题是哪一种时刻。"""
    return CONFIRM if question.get("confirm") else str(question["ask"])


def _hidden(question: Mapping[str, Any]) -> frozenset[str]:
    """回滚的问题没有给出的回答。"""
    if not question or question["ask"] != Ask.ROLLBACK:
        return frozenset()
    return frozenset(word for name, word in WORDS.items() if name not in question["allowed_decisions"])
