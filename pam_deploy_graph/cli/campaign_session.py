"""``campaign`` 的里面：部件、工作台，出计划、问、记、推出。"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.campaigns import CampaignPlan, CampaignRollout, Overview, launch, look, plan_of
from pam_deploy_graph.campaigns import approve as record_decision
from pam_deploy_graph.campaigns.joint_plan import cancel_all, named, why_not_in_advance
from pam_deploy_graph.campaigns.overview import waiting_text
from pam_deploy_graph.campaigns.schedule import GOES_ON
from pam_deploy_graph.cli.asking import somebody
from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.help_now import LEAVE
from pam_deploy_graph.cli.options import print_json
from pam_deploy_graph.cli.signed_answers import WHICH, split_key
from pam_deploy_graph.constants import Decision, ExitCode
from pam_deploy_graph.errors import ConfirmationError, InvalidInputError
from pam_deploy_graph.graph.answers import read_decisions
from pam_deploy_graph.graph.settling import Settling
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.arrangement import Campaign
from pam_deploy_graph.runs.open_questions import refuse_bad_codes
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.services import Watcher
from pam_deploy_graph.runs.status import SHORT_DIGEST
from pam_deploy_graph.system.terminal import put

_PROMPT: Final = msgid("批准以上各机场的计划？同意或拒绝> ")


@dataclass
class CampaignSession:
    """一次命令的会话；``campaign`` 由 ``launch`` 或名字给出。``driver`` 在本机推，或经服务器推。"""

    driver: Settling
    watchers: list[Watcher]
    desk: Desk
    campaign: Campaign
    as_json: bool = False
    talking: bool = False
    """在对话里：没有终端也逐行问，下一步说的是话，不是命令。"""
    fresh: frozenset[str] = frozenset()
    """这个命令新登记的运行。"""
    pilot_failed: bool = False
    """刚才停在试点没有做好上。"""

    def say(self, text: str) -> None:
        """把几行写到标准错误。"""
        self.desk.say(text)

    @property
    def runs(self) -> RunAccess:
        """照账本看、记的口。"""
        return self.driver.runs

    def launch(self, campaign: Campaign, requests: Mapping[str, RunRequest]) -> None:
        """登记各机场，各出一份计划；``requests`` 是各机场的输入。"""
        self.campaign = campaign
        self.say(
            tr(
                "多机场部署 {campaign_id}：给 {n} 个机场出计划",
                campaign_id=campaign.campaign_id,
                n=len(campaign.airports),
            )
        )
        self.fresh = self.desk.work(lambda: launch(self.runs, campaign, requests, self.driver.take_up))

    def plan(self) -> CampaignPlan:
        """等着批准的计划，见 ``plan_of``。"""
        return plan_of(self.runs, self.campaign)

    def in_advance(self, plan: CampaignPlan) -> bool:
        """``--yes`` 管不管得了这份计划；管不了的说出为什么，照常问人。"""
        if why := why_not_in_advance(self.runs, plan, self.fresh):
            self.say(tr("--yes 没有作数：{why}", why=why))
        return not why

    def ask(self, plan: CampaignPlan) -> tuple[Decision, Path | None] | None:
        """问人批不批准；返回决定与签名的私钥（不签的为 ``None``）。没有人可问、要离开的为 ``None``。"""
        fresh = True
        while (self.talking or somebody()) and (text := self.desk.face.read(tr(_PROMPT), fresh=fresh)) is not None:
            fresh = False
            if text.lower() in LEAVE:
                return None
            words, path = split_key(text)
            with contextlib.suppress(InvalidInputError):
                decision = Decision(read_decisions(words, [PLAN])[PLAN].decision)
                return decision, self._key(plan, decision, path)
            self.say(
                tr("「{text}」没有听作批准或拒绝，什么也没有改变。要改计划，先拒绝，再用新的参数来一次。", text=text)
            )
        return None

    def _key(self, plan: CampaignPlan, decision: Decision, path: str | None) -> Path | None:
        """用哪把私钥签：写了的照写的，策略要签名而没有写的问。"""
        wanted = decision is Decision.APPROVE and any(self.runs.signing(each.run_id)["required"] for each in plan.parts)
        if not path and (wanted or path is not None):
            path = self.desk.face.read(tr(WHICH))
        return Path(path).expanduser() if path else None

    def settle_plan(self, *, yes: bool) -> ExitCode | None:
        """等着批准的计划：批准了、没有等着的为 ``None``，可以往下做；否则是退出码。``yes`` 是事先批准。"""
        try:
            plan = plan_of(self.runs, self.campaign)
        except ConfirmationError as error:
            self.say(str(error))
            return None
        self.say(plan.text())
        if yes and self.in_advance(plan):
            return self.decide(plan, Decision.APPROVE, note=tr("事先批准")) or None
        answer = self.ask(plan)
        if answer is None:
            self.say(self._waiting(self.look()))
            return ExitCode.WAITING
        decision, key = answer
        return self.decide(plan, decision, key=key) or None

    def look(self) -> Overview:
        """此刻的样子。"""
        return look(self.runs, self.campaign)

    def _waiting(self, found: Overview) -> str:
        """等着人的，怎样答。"""
        if not self.talking:
            return waiting_text(found)
        return tr("计划还等着批准：说「继续」回到它，说「取消」取消。") if found.plan_digest else ""

    def refuse_unseen(self, plan: CampaignPlan, decision: Decision, digests: Sequence[str]) -> None:
        """答的得是给人看过的。

        Raises:
            ConfirmationError: 摘要说的不是这一份；或没有终端，批准而没有给摘要。
            InvalidInputError: 摘要不合规则。

        """
        refuse_bad_codes(digests)
        if digests and not named(plan, digests):
            now = plan.digest[:SHORT_DIGEST]
            raise ConfirmationError(
                tr("{digests}…: 给人看过之后变了；此刻是上面的 {now}，看过再答", digests=digests[0], now=now)
            )
        if not digests and decision is Decision.APPROVE and not somebody():
            raise ConfirmationError(tr("没有终端时批准计划要给 --digest：批准的是哪一份（上面有摘要）"))

    def decide(self, plan: CampaignPlan, decision: Decision, **given: Any) -> ExitCode:
        """记下决定，``given`` 见 ``record_decision``；否决了的机场都取消，别的照旧。都记下了是 0。"""
        problems = record_decision(self.runs, plan, decision, **given)
        self.say(
            "\n".join(
                [
                    *problems.values(),
                    tr("已记下: {n} 个机场的计划 → {decision}", n=len(plan.parts) - len(problems), decision=decision),
                ]
            )
        )
        if decision is Decision.REJECT:
            rejected = [part.airport for part in plan.parts if part.airport not in problems]
            self.say("\n".join(cancel_all(self.runs, self.campaign, rejected) if rejected else []))
            return ExitCode.STOPPED
        return ExitCode.WAITING if problems else ExitCode.DONE

    def go(self, *, past_pilot: bool = False) -> ExitCode:
        """推出，说明停在哪里，返回退出码；``past_pilot`` 见 ``CampaignRollout``。"""
        rollout = CampaignRollout(
            self.runs,
            self.campaign,
            self.driver.take_up,
            self.say,
            stop=self.desk.stop,
            goes_on=GOES_ON | self.driver.joins,
            past_pilot=past_pilot,
        )
        self.watchers[:] = [rollout.watching]
        self.desk.progress, self.desk.in_flight = rollout.line, rollout.in_flight
        found: Overview = self.desk.work(rollout.run)
        self.pilot_failed = rollout.pilot_failed
        if self.as_json:
            print_json(found.as_dict() | {"reason": rollout.problem})
        else:
            put(found.text())
        told = [
            tr("已停下: {problem}", problem=rollout.problem) if rollout.problem else "",
            self._waiting(found),
            self._how_to_go_on(found),
        ]
        self.say("\n".join(filter(None, told)))
        return ExitCode.STOPPED if rollout.problem else found.exit_code

    def _how_to_go_on(self, found: Overview) -> str:
        """中断的怎样接着做；都结束了的看报告。"""
        name = self.campaign.campaign_id
        if all(row.exit_code is not None for row in found.rows):
            return tr("报告: campaign report {name}", name=name)
        if self.talking:
            return tr("说「继续」接着做，说「取消」取消没有做完的；只做一个机场说「继续」和它的运行名。")
        go_on = (
            tr("看过试点还是要做其余的: campaign resume {name} --past-pilot", name=name)
            if self.pilot_failed
            else tr("可以继续: campaign resume {name}", name=name)
        )
        return tr("{go_on}；只做一个机场用 resume RUN_ID；不做了用 campaign cancel {name}", go_on=go_on, name=name)
