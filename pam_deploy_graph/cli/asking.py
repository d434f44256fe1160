"""在终端里问人：``run``、``demo`` 与 ``chat`` 共用的一个读法；没有终端时没有人可问。"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.help_now import LEAVE, help_at, is_help
from pam_deploy_graph.constants import CONFIRM, DECISIONS, Ask, Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.questions import spoken
from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.llm import RuleBasedLlmClient
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.safe_text import printable

Reader = Callable[[Mapping[str, Any], str], dict[str, Any]]
"""把操作员打的字读成对问题的决定；不是决定的抛 ``InvalidInputError``。"""
_PROMPTS: Final = Worded({Ask.PARAMS: "补充> ", Ask.PLAN: "批准？同意、拒绝，或说要改什么> "})


class Asker:
    """显示一个问题，读到能作数的回答为止；问进度就地答，别的话交给图去听。"""

    def __init__(self, desk: Desk, decision: Reader, reply: Callable[[str, str, str], str]) -> None:
        """``decision`` 把打的字读成决定；``reply`` 答一句问话（原话、意图、运行名），不是问话的为空串。"""
        self._desk, self._decision, self._reply = desk, decision, reply
        self._rules = RuleBasedLlmClient()
        self._shown = ""
        self.question: Mapping[str, Any] = {}
        """正问着的；没有为空。"""

    def __call__(self, question: Mapping[str, Any]) -> Any:
        """问；要离开、要停一停的为 ``None``。"""
        self._show(question)
        self.question = question
        try:
            return self._read(question)
        finally:
            self.question = {}

    def forget(self) -> None:
        """下一次从头念起。"""
        self._shown = ""

    def _read(self, question: Mapping[str, Any]) -> Any:
        """一句一句地读。"""
        prompt, fresh = _prompt(question), True
        while (text := self._desk.face.read(prompt, draft=self._desk.take_kept(), fresh=fresh)) is not None:
            fresh = False
            if text.lower() in LEAVE:
                return None
            if text and (answer := self._answer(question, text)) is not _AGAIN:
                return answer
        return None

    def _answer(self, question: Mapping[str, Any], text: str) -> Any:
        """读一句：决定、补充，或一句要图去听的话；就地答了的返回 ``_AGAIN``。"""
        if is_help(text):
            return self._tell(help_at(question))
        if question["ask"] != Ask.PARAMS:
            try:
                return self._decision(question, text)
            except InvalidInputError:
                pass
        intent = self._rules.understand_request(text).intent
        if told := self._reply(text, intent, question.get("run_id", "")):
            return self._tell(f"{told}\n{_WAITS[question['ask']]}")
        if intent == "pause" and not question.get("confirm"):
            self._desk.say(tr("好，停在这里；不回答就不会往下做。"))
            return None
        return text

    def _tell(self, text: str) -> object:
        """就地答一句，接着读。"""
        self._desk.say(text)
        return _AGAIN

    def _show(self, question: Mapping[str, Any]) -> None:
        """显示问题；同一个问题再问，只说为什么再问，不从头再念。"""
        body = str(question.get("plan", {}).get("text") or question.get("waiting") or "")
        again = body and body == self._shown and question["problem"]
        self._shown = body
        self._desk.say(question["problem"] if again else shown(question))


_AGAIN: Final = object()
_WAITS: Final = Worded(
    {
        Ask.PARAMS: "还等着补充参数，还没有改变任何东西。",
        Ask.PLAN: "正等着批准上面的计划，还没有改变任何东西。",
        Ask.ROLLBACK: "正等着上面的回答。",
        CONFIRM: "正等着上面的回答。",
    }
)


def _prompt(question: Mapping[str, Any]) -> str:
    """等人打字的提示；回滚的问题只列它给出的回答。"""
    if question.get("confirm"):
        return tr("确认？> ")
    if question["ask"] != Ask.ROLLBACK:
        return _PROMPTS[question["ask"]]
    return tr(
        "回滚？{allowed_decisions}，或先问一句> ",
        allowed_decisions=tr("、").join(DECISIONS[Decision(one)].offer for one in question["allowed_decisions"]),
    )


def nobody(desk: Desk) -> Callable[[Mapping[str, Any]], Any]:
    """没有人可问：把问题写出来，由别的终端用 ``confirm`` 回答。"""
    return lambda question: desk.say(shown(question))


def approve_all(desk: Desk) -> Callable[[Mapping[str, Any]], Any]:
    """凡问皆同意（只给 ``demo --yes`` 用）。"""

    def answer(question: Mapping[str, Any]) -> Any:
        """同意。"""
        desk.say(shown(question))
        return {"decision": str(Decision.APPROVE), "note": tr("演示中自动同意"), "operator": current_operator()}

    return answer


def somebody() -> bool:
    """有没有人可问：键盘与屏幕都是终端。"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def shown(question: Mapping[str, Any]) -> str:
    """问题写成给人看的几行。"""
    return "\n".join(printable(line) for line in spoken(question).splitlines())
