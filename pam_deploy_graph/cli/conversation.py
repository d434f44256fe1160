"""对话的进行：读一句，交给图；图问人时，问进度之类的话就地回答，其余作为回答交回去。"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from pam_deploy_graph.cli.asking import read_line, show_question
from pam_deploy_graph.cli.command_session import Session, open_session
from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.cli.signed_answers import read_decision
from pam_deploy_graph.constants import Ask, Decision, ExitCode
from pam_deploy_graph.errors import InvalidInputError, PamError, RunPausedError
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.llm import asks_again_for_failed
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.status import latest_unfinished, render_standing, standing
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.account import current_operator

_LEAVE: Final = frozenset({"退出", "exit", "quit", "再见", "bye"})
_WELCOME: Final = (
    "请说要部署什么，例如：把首都机场的 checkin 应用 gate 模块升级到 1.2.3，先灰度 2 台。输入「退出」结束。"
)
_PROMPTS: Final = {
    Ask.PARAMS: "补充> ",
    Ask.PLAN: "批准？同意、拒绝，或说要改什么> ",
}
_ANSWERS: Final = {str(Decision.APPROVE): "同意", str(Decision.REJECT): "拒绝（保持现状）", str(Decision.RETRY): "重试"}
_SURE: Final = frozenset({"确认", "确定", "是", "是的", "yes", "y", "confirm"})
_BARE: Final = frozenset({"继续", "接着", "接着做", "继续吧", "接着做吧", "resume", "continue", "go on", "carry on"})
"""光秃秃的「继续」听到就做；别的说法先问一句（contract 第 4 节）。"""
_LATER: Final = "说「继续」接着做，说「取消」就此作罢。"


def converse(home: Path, *, lab: bool) -> None:
    """对话直到退出；``lab`` 为真时先开一个试验场。"""
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(_lab_settings(home)) if lab else settings_for(home)
        talk = Conversation()
        talk.session = stack.enter_context(open_session(home, as_json=False, ask=talk.ask, settings=settings))
        talk.run()


class Conversation:
    """一次对话；同一时刻最多说着一次运行，会话的 ``thread_id`` 就是它的运行名。"""

    session: Session

    def __init__(self) -> None:
        """还没有说到哪次运行。"""
        self._run_id = ""
        self._cancelled = False
        self._told = False
        self._shown = ""

    def run(self) -> None:
        """一句一句地读，直到退出。"""
        self.session.say(_WELCOME)
        self.session.driver.on_answer = self._tell
        while (text := read_line("> ")) is not None and text.lower() not in _LEAVE:
            if not text:
                continue
            self.session.services.stop.clear()  # 上一句话里的 Ctrl-C 只停那一次
            try:
                self._hear(text)
            except RunPausedError:
                self.session.say(f"已停下，在途的都已做完。{_LATER}")
            except PamError as error:
                self.session.say(f"错误: {error}")

    def ask(self, question: Mapping[str, Any]) -> Any:
        """图在问人：读到能作数的回答为止；要离开时返回 ``None``。"""
        self._show(question)
        self._cancelled = False
        prompt, decides = _prompt(question), question["ask"] != Ask.PARAMS
        while (text := read_line(prompt, fresh=decides)) is not None and text.lower() not in _LEAVE:
            answer = self._answer(question, text) if text else None
            if answer is not None:
                return answer
            if self._cancelled:
                return None
        return None

    def _hear(self, text: str) -> None:
        """没有问题挂着时听到的一句话。"""
        services, driver = self.session.services, self.session.driver
        self._told, self._shown = False, ""
        again = asks_again_for_failed(text)
        if again and services.ledger.exists(self._run_id):  # 正说着的还没有结束：回到它的问题上
            return self._stopped(driver.resume(self._run_id))
        intent = "" if again else services.llm_client.understand_request(text).intent
        if intent == "resume" and (not self._run_id or services.ledger.exists(self._run_id)):
            bare = text.strip("。.!！ ").lower() in _BARE
            return self._go_on() if bare or self._sure("接着做停在半路的那次运行：没有开工的会继续开工。") else None
        if intent == "rollback":  # 用一个自己的会话，不搅进正说着的这一次
            return self._recall(text)
        self._run_id = self._run_id or driver.new_run_id()
        return self._stopped(driver.hear(self._run_id, text))

    def _recall(self, text: str) -> None:
        """退回：说的是结束了的运行就自成一次，做完说出报告；没有结束的在它自己里面问。"""
        services, driver = self.session.services, self.session.driver
        run_id = driver.new_run_id()
        code = driver.hear(run_id, text)
        if services.ledger.exists(run_id):
            self.session.finish(run_id, code)

    def _go_on(self) -> None:
        """继续：正说着的运行，或最近一次停在半路的。"""
        if not self._run_id:
            self._run_id = latest_unfinished(self.session.services.ledger)
            self.session.say(f"接着做运行 {self._run_id}。" if self._run_id else "没有停在半路的运行。")
        return self._stopped(self.session.driver.resume(self._run_id)) if self._run_id else None

    def _answer(self, question: Mapping[str, Any], text: str) -> Any:
        """读一个回答；问进度、要取消的就地处理，返回 ``None`` 表示还要再读。"""
        if question["ask"] != Ask.PARAMS:
            with contextlib.suppress(InvalidInputError):
                return read_decision(self.session.services, question, text)
        intent = self.session.services.llm_client.understand_request(text).intent
        if intent == "status":
            return self._tell_standing(question)
        if intent == "cancel":
            return self._cancel(question)
        return text

    def _tell_standing(self, question: Mapping[str, Any]) -> None:
        """说出走到哪里；有等决定的，连原因一并说。"""
        ledger, run_id = self.session.services.ledger, question.get("run_id", self._run_id)
        if not ledger.exists(run_id):
            self.session.say(f"还没有开始；{question['action_requests'][0]['description']}")
            return
        self.session.say(render_standing(standing(ledger, run_id), brief=True))
        if question["ask"] != Ask.PLAN:
            show_question(question)
        else:
            self.session.say("正等着批准上面的计划，还没有改变任何东西。")

    def _cancel(self, question: Mapping[str, Any]) -> Any:
        """取消：计划还没批准就是拒绝；已经在推出就记下取消。"""
        if question["ask"] == Ask.PLAN:
            return {"decision": str(Decision.REJECT), "note": "取消", "operator": current_operator()}
        ledger, run_id = self.session.services.ledger, question.get("run_id", "")
        costs = f"取消运行 {run_id}：没有开工的不会再做，这次运行就此结束。"
        if ledger.exists(run_id) and not self._sure(costs):
            return None
        if ledger.exists(run_id) and ledger.get_run(run_id).exit_code is None:
            actor = self.session.services.local_actor()
            ledger.cancel(run_id, actor.name, channel=actor.channel, account=actor.account)
        else:
            self._run_id = ""
        self._cancelled = True
        return None

    def _sure(self, costs: str) -> bool:
        """说出代价，要人再说一遍。"""
        self.session.say(f"{costs}确定的话请说「确认」。")
        said = read_line("确认？> ", fresh=True) or ""
        sure = said.strip("。.!！ ").lower() in _SURE
        if not sure:
            self.session.say("好，没有照做。")
        return sure

    def _show(self, question: Mapping[str, Any]) -> None:
        """显示问题；同一个问题再问，只说为什么再问，不从头再念。"""
        body = str(question.get("plan", {}).get("text") or question.get("waiting") or "")
        if body and body == self._shown and question["problem"]:
            self.session.say(question["problem"])
        else:
            show_question(question)
        self._shown = body

    def _tell(self, text: str) -> None:
        """图只是回答了一句话。"""
        self._told = True
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()

    def _stopped(self, code: ExitCode, *, resumed: bool = False) -> None:
        """图停下了：说明停在哪里；了结的运行不再提起。``resumed`` 为真即已经为收尾恢复过一次，不再试。"""
        services = self.session.services
        if not self._run_id or not services.ledger.exists(self._run_id):
            return None
        if code is ExitCode.WAITING and services.cancelled(self._run_id):
            services.finish(
                self._run_id, ExitCode.STOPPED, f"{services.ledger.get_run(self._run_id).cancelled_by} 取消了这次运行"
            )
        record = services.ledger.get_run(self._run_id)
        if record.exit_code is None and services.cancelled(self._run_id) and not resumed:
            # 停在半路又取消：在途的做完，收尾
            return self._stopped(self.session.driver.resume(self._run_id), resumed=True)
        if record.exit_code is None:
            return self.session.say(self._unfinished(code, record.reason or ""))
        if services.state_of(self._run_id).completed_global_steps:
            self.session.finish(self._run_id, ExitCode(record.exit_code))
        else:
            self.session.say(f"结果: {record.reason}；什么也没有改变。")
        self._run_id = ""
        return None

    def _unfinished(self, code: ExitCode, reason: str) -> str:
        """没有做完的运行：停在哪里，怎样接着做。"""
        if code is ExitCode.WAITING:
            return f"运行 {self._run_id} 还等着回答。说「继续」回到那个问题，说「取消」就此作罢。"
        where = "还没有做完" if self._told else f"停下了：{reason}" if reason else "停下了"
        begun = has_begun(self.session.services.state_of(self._run_id))
        return f"运行 {self._run_id} {where}。{'' if begun else '要改就说改什么，'}{_LATER}"


def _prompt(question: Mapping[str, Any]) -> str:
    """等人打字的提示；回滚的问题只列它给出的回答。"""
    if question["ask"] != Ask.ROLLBACK:
        return _PROMPTS[question["ask"]]
    return f"回滚？{'、'.join(_ANSWERS[decision] for decision in question['allowed_decisions'])}，或先问一句> "


@contextlib.contextmanager
def _lab_settings(home: Path) -> Iterator[Settings]:
    """开一个试验场，备好下一个版本的安装包，返回指向它的设置。"""
    with LabProcess() as lab:
        version = provision(lab)
        settings = settings_for(home, pam_home_url=lab.home_url, pam_token=SecretStr(lab.token))
        print(f"试验场已开：机场 PEK，8 台工作站装着 checkin/gate 1.2.2，HOME 里有 {version}。")  # noqa: T201  对话的开场白
        yield settings
