"""对话里几个机场一起做：一句话成一份合成的计划，批准一次；问进度、取消、继续都说话就行（contract 第 8 节）。"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.campaigns.joint_plan import cancel_all
from pam_deploy_graph.campaigns.overview import campaign_of, look
from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.help_now import LEAVE
from pam_deploy_graph.cli.midway import Midway
from pam_deploy_graph.errors import RunNotFoundError
from pam_deploy_graph.graph.questions import ask_params, spoken
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.llm import Joint, RuleBasedLlmClient, read_joint
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.arrangement import Campaign, arrange
from pam_deploy_graph.runs.lookup import runs_named
from pam_deploy_graph.settings import Settings

if TYPE_CHECKING:
    from pam_deploy_graph.cli.campaign_session import CampaignSession

_COSTS: Final = msgid("取消多机场部署 {campaign_id}：没有开工的都不再做，进行中的做完就结束，取消后不能继续。")
_ABOUT: Final = frozenset({"status", "cancel", "resume"})


class JointTalk:
    """说着的一次多机场部署；一座机场的问题交回对话去问。"""

    def __init__(
        self,
        runs: RunAccess,
        desk: Desk,
        home: Path,
        settings: Settings,
        *,
        sure: Callable[[str], bool],
        advance: Callable[[str], None],
    ) -> None:
        """``sure`` 说出代价要人确认；``advance`` 在对话里接着做一座机场的运行。"""
        self._runs, self._desk, self._home, self._settings = runs, desk, home, settings
        self._sure, self._advance = sure, advance
        self._rules = RuleBasedLlmClient()
        self._campaign_id = ""

    def hear(self, text: str, intent: str) -> bool:
        """听一句；说的是几个机场一起做的，照做，返回真。"""
        if intent in _ABOUT:
            self._campaign_id = next(iter(runs_named(self._known, text)), self._campaign_id)
            return bool(self._campaign_id) and self._about(intent)
        joint = read_joint(text) if intent == "deploy" else None
        if joint is None:
            return False
        campaign = _arranged(joint)
        if joint.doubts and not self._sure(_offer(joint, campaign)):
            return False
        if wanted := self._complete(joint):
            self._begin(campaign, *wanted)
        return True

    def _known(self, name: str) -> bool:
        """有没有叫这个名字的一次。"""
        try:
            return bool(self._runs.arrangement(name))
        except RunNotFoundError:
            return False

    def _about(self, intent: str) -> bool:
        """说的是正说着的这一次。"""
        if intent == "resume":
            self._take_up()
        elif intent == "status":
            self._desk.say(look(self._runs, campaign_of(self._runs, self._campaign_id)).text())
        elif self._sure(tr(_COSTS, campaign_id=self._campaign_id)):
            self._desk.say("\n".join(cancel_all(self._runs, campaign_of(self._runs, self._campaign_id))))
            self._campaign_id = ""
        return True

    def _complete(self, joint: Joint) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """读其余的话，缺什么问什么；返回参数与控制参数，不做了为 ``None``。"""
        text = joint.rest
        while True:
            found = self._rules.extract_params(text, {"AIRPORT_CODE": joint.airports[0]})
            params = {name: value for name, value in found.extracted_params.items() if name != "AIRPORT_CODE"}
            if not found.missing_params:
                self._desk.say(
                    "\n".join(tr("注意: {each}", each=each) for each in found.notes)
                ) if found.notes else None
                return params, dict(found.control_params)
            self._desk.say(spoken(ask_params(found.missing_params, params, found.notes, "")))
            reply = self._desk.face.read(tr("补充> "), fresh=True) or ""
            if not reply or reply.lower() in LEAVE or self._rules.understand_request(reply).intent == "cancel":
                self._desk.say(tr("好，没有照做。"))
                return None
            text = f"{text}\n{reply}"

    def _begin(self, campaign: Campaign, params: Mapping[str, Any], control: Mapping[str, Any]) -> None:
        """登记，各出一份计划，合成一份请人批准；批准了就做。"""
        from pam_deploy_graph.cli.campaign_opening import requests_of

        requests = requests_of(self._home, self._settings, campaign.airports, params, control)
        self._campaign_id = campaign.campaign_id
        with self._opened() as session:
            session.launch(campaign, requests)
        self._take_up()

    def _take_up(self) -> None:
        """等着批准的先批准，然后做；停在一座机场的问题上，就地问，答完接着。"""
        past_pilot, before = False, None
        while True:
            with self._opened() as session:
                session.campaign = campaign_of(self._runs, self._campaign_id)
                code = session.settle_plan(yes=False) if session.look().plan_digest else None
                pilot_failed = code is None and session.go(past_pilot=past_pilot) and session.pilot_failed
                rows = session.look().rows
            if all(row.exit_code is not None for row in rows):
                self._campaign_id = ""
                return
            asked = [row.run_id for row in rows if row.phase == "waiting" and not row.plan_digest]
            if pilot_failed:
                past_pilot = self._sure(tr("试点没有全部做好，接着做其余的机场。"))
                before = None if past_pilot else asked
            if code is not None or self._desk.stop.is_set() or (asked == before) or not (asked or past_pilot):
                return
            before = asked
            for run_id in asked:
                self._desk.say(tr("接着做运行 {run_id}。", run_id=run_id))
                self._advance(run_id)

    @contextlib.contextmanager
    def _opened(self) -> Iterator["CampaignSession"]:
        """会话；途中打的字归它听，离开时工作台还原。"""
        from pam_deploy_graph.cli.campaign_opening import campaign_at

        desk = self._desk
        before = desk.hear, desk.progress, desk.in_flight, desk.abort
        desk.hear = _JointMidway(self._runs, desk, lambda: self._campaign_id).hear
        try:
            with campaign_at(desk, self._home, self._settings, talking=True) as session:
                yield session
        finally:
            desk.hear, desk.progress, desk.in_flight, desk.abort = before


class _JointMidway(Midway):
    """推出途中说的是几个机场。"""

    def _known(self) -> bool:
        """登记了没有。"""
        return True

    def _told(self, _text: str, intent: str) -> str:
        """问到哪了的答总览。"""
        return look(self._runs, self._campaign()).text() if intent == "status" else ""

    def _costs(self) -> str:
        """取消的代价。"""
        return tr(_COSTS, campaign_id=self._name())

    def _do_cancel(self) -> None:
        """各机场都取消。"""
        self._desk.say("\n".join(cancel_all(self._runs, self._campaign())))

    def _campaign(self) -> Campaign:
        """正推着的。"""
        return campaign_of(self._runs, self._name())


def _arranged(joint: Joint) -> Campaign:
    """取好名字，查过。"""
    return arrange(
        unused_run_id(lambda _taken: False),
        joint.airports,
        pilot=joint.pilot,
        at_once=joint.at_once,
        max_failures=joint.max_failures,
    )


def _offer(joint: Joint, campaign: Campaign) -> str:
    """听不准的，问是不是这样一起做。"""
    return tr(
        "提到了不止一座机场，{doubts}。一起做就是一份计划、一次批准：{text}。",
        doubts=tr("；").join(joint.doubts),
        text=campaign.text(),
    )
