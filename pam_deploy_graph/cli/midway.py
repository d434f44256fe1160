"""推出途中打的一句：问的就地答，要停的停，要取消的先说代价；其余的收着，不丢，也不当作对还没有问的问题的回答。"""

from collections.abc import Callable
from typing import Final

from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.help_now import LEAVE, RUNNING, help_text, is_help
from pam_deploy_graph.errors import PamError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.llm import RuleBasedLlmClient
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.open_questions import is_sure

_KEPT: Final = msgid(
    "记下了，还没有照做：「{text}」。到下一个问题、或做完之后摆在提示后面，按回车才算数；急的话先「暂停」。"
)
_BUSY: Final = msgid("还在进行；要离开先说「暂停」，停下之后再退出。")


class Midway:
    """一次推出途中的键盘；``run_id`` 给出正推着的运行，还没有登记的为空串。"""

    def __init__(self, runs: RunAccess, desk: Desk, run_id: Callable[[], str]) -> None:
        """用离线规则听：推出途中不等模型。"""
        self._runs, self._desk, self._name = runs, desk, run_id
        self._rules = RuleBasedLlmClient()

    def hear(self, text: str) -> None:
        """收下一句。"""
        if is_help(text):
            return self._desk.say(help_text(RUNNING))
        if text.lower() in LEAVE:
            return self._desk.say(tr(_BUSY))
        intent = self._rules.understand_request(text).intent
        if intent == "pause":
            return self._desk.request_stop()
        if told := self._told(text, intent):
            return self._desk.say("\n".join(filter(None, [told, self._desk.line()])))
        if intent == "cancel" and self._known():
            return self._cancel()
        self._desk.keep(text)
        return self._desk.say(tr(_KEPT, text=text))

    def _cancel(self) -> None:
        """说出代价，确认了才取消。"""
        self._desk.say(tr("{costs}确定就说「确认」。", costs=self._costs()))
        if not is_sure(self._desk.face.read(tr("确认取消？> "), fresh=True) or ""):
            return self._desk.say(tr("没有取消，照旧进行。"))
        try:
            self._do_cancel()
        except PamError as error:
            return self._desk.say(str(error))
        return self._desk.say(tr("已取消：没有开工的不再做，进行中的做完就结束。"))

    def _known(self) -> bool:
        """正推着的登记了没有。"""
        return bool(run_id := self._name()) and self._runs.exists(run_id)

    def _told(self, text: str, intent: str) -> str:
        """就地答一句问话；不是在问的为空串。"""
        return self._runs.reply(text, intent, self._name()) if self._known() else ""

    def _costs(self) -> str:
        """取消的代价。"""
        run_id = self._name()
        costs: str = self._runs.glance(run_id)["costs"]
        return costs or tr("取消运行 {run_id}：没有还没开工的了，进行中的做完就结束。", run_id=run_id)

    def _do_cancel(self) -> None:
        """取消。"""
        self._runs.cancel(self._name())
