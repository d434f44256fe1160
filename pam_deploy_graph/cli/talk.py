"""对话里的一句话：说的是哪次运行、要它怎样；听懂归图，动手归驱动。"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.cli.command_session import Session
from pam_deploy_graph.cli.help_now import IDLE, RUNNING, words_at
from pam_deploy_graph.cli.joint_talk import JointTalk
from pam_deploy_graph.cli.midway import Midway
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import RunPausedError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.llm import asks_again_for_failed
from pam_deploy_graph.runs.lookup import runs_named
from pam_deploy_graph.runs.open_questions import goes_on_bare, is_sure
from pam_deploy_graph.runs.status import render_standing
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.terminal import put

_LATER: Final = msgid("说「继续」接着做，说「取消」取消本次部署。")


class Talk:
    """一次对话；同一时刻最多说着一次运行，会话的 ``thread_id`` 就是它的运行名。"""

    def __init__(self, session: Session, home: Path, settings: Settings) -> None:
        """还没有说到哪次运行；``home`` 与 ``settings`` 给几个机场一起做的用。"""
        self._session, self._desk, self._runs = session, session.desk, session.runs
        self._run_id = ""
        self._told = False
        self._joint = JointTalk(self._runs, self._desk, home, settings, sure=self._sure, advance=self._of_one_airport)
        session.driver.on_answer = self._tell
        session.desk.hear = Midway(session.runs, session.desk, lambda: self._run_id).hear

    def greet(self) -> None:
        """说出中断的、等着人的、停用的柜台；没有就不说。"""
        if told := self._runs.greeting():
            self._session.say(told)

    def words(self) -> list[str]:
        """此刻可以补全的话。"""
        question = self._session.asker.question
        return [*words_at(question, RUNNING if self._desk.in_flight() else IDLE), *self._known()]

    def hear(self, text: str) -> None:
        """没有问题挂着时听到的一句话。"""
        self._told = False
        self._session.asker.forget()
        if named := self._named(text):
            return self._about(named, text)
        again = asks_again_for_failed(text)
        if again and self._known_run():  # 正说着的还没有结束：回到它的问题上
            return self._advance(self._run_id)
        intent = "" if again else self._runs.intent(text)
        joint = not self._known_run() and self._joint.hear(text, intent)
        return None if joint else self._of_one_run(text, intent)

    def _of_one_run(self, text: str, intent: str) -> None:
        """说的是一次运行：正说着的，或最近一次没有做完的。"""
        driver = self._session.driver
        if intent == "resume" and (not self._run_id or self._known_run()):
            sure = goes_on_bare(text) or self._sure(tr("接着做中断的那次运行：没有开工的会继续开工。"))
            return self._go_on() if sure else None
        if intent == "cancel" and (run_id := self._run_id or self._runs.unfinished()):
            return self._cancel(run_id)
        if intent == "rollback":  # 用一个自己的会话，不搅进正说着的这一次
            return self._recall(text)
        self._run_id = self._run_id or driver.new_run_id()
        run_id = self._run_id
        return self._stopped(self._desk.work(lambda: driver.hear(run_id, text)))

    def paused(self, error: RunPausedError) -> None:
        """停下了：照账本说进行中的怎样了。"""
        if self._desk.stop.is_set() and (now := self._now()):
            return self._session.say(tr("{stopped}。{later}", stopped=now["stopped"], later=tr(_LATER)))
        return self._session.say(str(error))

    def _named(self, text: str) -> str:
        """话里点了名的运行；没有为空串。"""
        return next(iter(runs_named(self._runs.exists, text)), "")

    def _about(self, run_id: str, text: str) -> None:
        """点了名的：说的就是那一次。"""
        intent = self._runs.intent(text)
        over = self._runs.glance(run_id)["exit_code"] is not None
        if intent == "rollback":
            return self._recall(text)
        if intent == "cancel" and not over:
            return self._cancel(run_id)
        if intent == "resume" and not over:
            self._run_id = run_id
            return self._advance(run_id)
        told = self._runs.reply(text, intent, run_id, brief=False)
        return self._session.say(told or render_standing(self._runs.standing(run_id)))

    def _advance(self, run_id: str) -> None:
        """接着做一次运行。"""
        return self._stopped(self._desk.work(lambda: self._session.driver.resume(run_id)))

    def _of_one_airport(self, run_id: str) -> None:
        """几个机场一起做，停在一座机场的问题上：在这里问。"""
        self._run_id = run_id
        self._advance(run_id)

    def _recall(self, text: str) -> None:
        """退回：说的是结束了的运行就自成一次，做完说出报告；没有结束的在它自己里面问。"""
        driver = self._session.driver
        run_id = driver.new_run_id()
        code = self._desk.work(lambda: driver.hear(run_id, text))
        if self._runs.exists(run_id):
            self._session.finish(run_id, code)

    def _go_on(self) -> None:
        """继续：正说着的运行，或最近一次中断的。"""
        if not self._run_id:
            self._run_id = self._runs.unfinished()
            self._session.say(
                tr("接着做运行 {run_id}。", run_id=self._run_id) if self._run_id else tr("没有中断的运行。")
            )
        return self._advance(self._run_id) if self._run_id else None

    def _cancel(self, run_id: str) -> None:
        """取消停着的一次：说出代价，确认了才记下；欠着的做完，收尾。"""
        if now := self._runs.glance(run_id):
            costs = now["costs"] or tr("取消运行 {run_id}，取消后不能继续。", run_id=run_id)
            if not self._sure(costs):
                return None
            done = self._runs.cancel(run_id)
            if done["holder"]:
                return self._session.say(tr("已要求取消：{holder}做完进行中的工作站就停。", holder=done["holder"]))
            self._run_id = run_id
            return self._stopped(ExitCode.STOPPED)
        self._run_id = ""
        return self._session.say(tr("好，不做了；什么也没有改变。"))

    def _sure(self, costs: str) -> bool:
        """说出代价，要人再说一遍。"""
        self._session.say(tr("{costs}确定就说「确认」。", costs=costs))
        sure = is_sure(self._desk.face.read(tr("确认？> "), fresh=True) or "")
        if not sure:
            self._session.say(tr("好，没有照做。"))
        return sure

    def _tell(self, text: str) -> None:
        """图只是回答了一句话。"""
        self._told = True
        put(text.rstrip("\n"))

    def _stopped(self, code: ExitCode, *, resumed: bool = False) -> None:
        """图停下了：说明停在哪里；了结的运行不再提起。``resumed`` 为真即已经为收尾恢复过一次，不再试。"""
        if not (now := self._now()):
            return None
        if now["exit_code"] is None and now["cancelled"] and not resumed:
            # 已中断又取消：进行中的做完，收尾
            return self._stopped(self._desk.work(lambda: self._session.driver.resume(self._run_id)), resumed=True)
        if now["exit_code"] is None:
            return self._session.say(self._unfinished(code, now))
        if now["touched_home"]:
            self._session.finish(self._run_id, ExitCode(now["exit_code"]))
        else:
            self._session.say(tr("结果: {reason}；什么也没有改变。", reason=now["reason"]))
        self._run_id = ""
        return None

    def _unfinished(self, code: ExitCode, now: Mapping[str, Any]) -> str:
        """没有做完的运行：停在哪里，怎样接着做。"""
        if code is ExitCode.WAITING:
            return tr("运行 {run_id} 还等着回答。说「继续」回到那个问题，说「取消」取消本次部署。", run_id=self._run_id)
        where = (
            tr("还没有做完")
            if self._told
            else tr("停下了：{reason}", reason=now["reason"])
            if now["reason"]
            else tr("停下了")
        )
        return tr(
            "运行 {run_id} {where}。{what}{later}",
            run_id=self._run_id,
            where=where,
            what="" if now["begun"] else tr("要改就说改什么，"),
            later=tr(_LATER),
        )

    def _known(self) -> list[str]:
        """说得到的工作站：正说着的这次运行里的。"""
        return list(self._now().get("targets", []))

    def _known_run(self) -> bool:
        """正说着的这一次登记了没有。"""
        return bool(self._run_id) and self._runs.exists(self._run_id)

    def _now(self) -> dict[str, Any]:
        """正说着的这一次的要点；没有登记的为空。"""
        return self._runs.glance(self._run_id) if self._run_id else {}
