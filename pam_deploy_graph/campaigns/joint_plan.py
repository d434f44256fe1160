"""计划与批准：各机场各出一份计划，合成一份给人看，一次批准，各记各的摘要（contract 第 5、8 节）。"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pam_deploy_graph.campaigns.overview import AirportRow, look
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import ConfirmationError, PamError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.report.plan_text import change_part, other_part
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.arrangement import Campaign
from pam_deploy_graph.runs.deciding import Answered, signed
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.status import SHORT_DIGEST
from pam_deploy_graph.system.safe_text import printable

Drive = Callable[[str], object]
"""推进一个机场的运行，直到结束或要等人。"""
_PLANNING: Final = 4
"""同时给几个机场出计划。"""


@dataclass(frozen=True, slots=True)
class AirportPlan:
    """一个机场等着批准的计划。"""

    airport: str
    run_id: str
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """合成的计划；``digest`` 见 ``Overview.plan_digest``。"""

    campaign: Campaign
    parts: tuple[AirportPlan, ...]
    digest: str
    absent: tuple[str, ...] = ()
    """不在这份计划里的机场，各一句为什么。"""

    def text(self) -> str:
        """写给人看：批准的都在里面。安排，各机场的变化与不同的各项，一样的各项（安装包、接到哪里）只写一遍。"""
        lines = [
            tr(
                "多机场部署 {campaign_id} 的计划（摘要 {digest}）",
                campaign_id=self.campaign.campaign_id,
                digest=self.digest[:SHORT_DIGEST],
            )
        ]
        lines.append(self.campaign.text())
        others = [other_part(part.text) for part in self.parts]
        same = [line for line in others[0] if all(line in each for each in others)]
        for part, other in zip(self.parts, others, strict=True):
            lines += [
                tr("{airport}（计划全文: status {run_id}）", airport=part.airport, run_id=part.run_id),
                *change_part(part.text),
            ]
            lines += [f"  {line}" for line in other if line not in same]
        lines += [tr("各机场都一样:"), *same, *(tr("不在这份计划里: {each}", each=each) for each in self.absent)]
        return "\n".join(map(printable, lines))


def launch(runs: RunAccess, campaign: Campaign, requests: Mapping[str, RunRequest], drive: Drive) -> frozenset[str]:
    """登记各机场的运行，各出一份计划；同样的输入再来一次，接着做没有做完的。

    Args:
        runs: 账本的口。
        campaign: 安排。
        requests: 各机场的输入（没有运行名与安排）。
        drive: 推进一次运行。

    Returns:
        新登记的运行；从前登记过的不在其中。

    Raises:
        InvalidInputError: 输入不合规则；一个也没有登记。
        RunConflictError: 名字已被另一份输入占用。
        PamError: 有机场出不了计划，逐个说明；什么也没有改变。

    """
    named = {campaign.run_id(each): requests[each] for each in campaign.airports}
    fresh = frozenset(
        run_id
        for run_id, one in named.items()
        if runs.register(run_id, one.params, one.execution_strategy, one.control_params, campaign.as_dict())
    )
    unplanned = [row.run_id for row in look(runs, campaign).rows if row.phase == "interrupted"]
    with ThreadPoolExecutor(_PLANNING, thread_name_prefix="pam-campaign") as pool:
        problems = list(filter(None, pool.map(lambda run_id: _problem(drive, run_id), unplanned)))
    if problems:
        raise PamError(tr("；").join(problems))
    return fresh


def _problem(drive: Drive, run_id: str) -> str:
    """推进一次；出不了计划的说明原因。"""
    try:
        drive(run_id)
    except PamError as error:
        return f"{run_id}: {error}"
    return ""


def plan_of(runs: RunAccess, campaign: Campaign) -> CampaignPlan:
    """返回等着批准的合成的计划，只有还等着批准的机场。

    Raises:
        ConfirmationError: 没有机场等着批准计划，或有机场出不了计划。

    """
    found = look(runs, campaign)
    rows = found.rows
    if without := [row for row in rows if row.phase == "interrupted" or not row.phase]:
        told = tr("、").join(f"{row.airport} {row.reason or row.shown_phase}" for row in without)
        raise ConfirmationError(
            tr("还有机场没有计划，不能一并批准：{told}；改好之后用 campaign resume 再出", told=told)
        )
    waiting = [row for row in rows if row.plan_digest]
    if not waiting:
        raise ConfirmationError(
            tr("多机场部署 {campaign_id} 没有等着批准的计划；用 campaign status 查看", campaign_id=campaign.campaign_id)
        )
    parts = (AirportPlan(row.airport, row.run_id, row.plan_digest, _text_of(runs, row)) for row in waiting)
    absent = (f"{row.airport} {row.reason or row.shown_phase}" for row in rows if not row.plan_digest)
    return CampaignPlan(campaign, tuple(parts), found.plan_digest, tuple(absent))


def _text_of(runs: RunAccess, row: AirportRow) -> str:
    """等着批准的那一份计划的原文。

    Raises:
        ConfirmationError: 看的当口它变了。

    """
    for asked in runs.standing(row.run_id)["waiting"]:
        if asked["digest"] == row.plan_digest:
            return str(asked["text"])
    raise ConfirmationError(tr("{airport} 的计划刚刚变了；再看一眼", airport=row.airport))


def approve(
    runs: RunAccess,
    plan: CampaignPlan,
    decision: Decision,
    *,
    operator: str = "",
    note: str = "",
    key: Path | None = None,
) -> dict[str, str]:
    """给每个机场记下同一个决定，各带自己的摘要。

    Args:
        runs: 账本的口。
        plan: 给人看过的计划。
        decision: 批准或拒绝。
        operator: 自报的名字。
        note: 备注。
        key: 用来签名的 SSH 私钥；各机场的决定各签一个，都签好了才记。

    Returns:
        没有作数的、还要另一个人批准的机场，各一句为什么；全部记下为空。

    Raises:
        InvalidInputError: 签不了；什么也没有记。

    """
    said = tr(
        "{note}（多机场部署 {campaign_id}，摘要 {digest}）",
        note=note,
        campaign_id=plan.campaign.campaign_id,
        digest=plan.digest[:SHORT_DIGEST],
    ).strip()
    problems: dict[str, str] = {}
    answers = {part.run_id: [Answered(PLAN, part.digest, decision, operator, said)] for part in plan.parts}
    if key:
        answers = {run_id: signed(run_id, runs.signing(run_id)["nonce"], each, key) for run_id, each in answers.items()}
    for part in plan.parts:
        outcome = runs.settle(part.run_id, [asdict(each) for each in answers[part.run_id]])["outcomes"][0]
        if outcome["refused"]:
            problems[part.airport] = tr(
                "{airport} 没有作数：{outcome}", airport=part.airport, outcome=outcome["refused"]
            )
        elif outcome["wants_another"]:
            problems[part.airport] = tr("{airport} 已记下，策略要求两个人批准，还要另一个人", airport=part.airport)
    return problems


def why_not_in_advance(runs: RunAccess, plan: CampaignPlan, fresh: frozenset[str]) -> str:
    """``--yes`` 能不能代替这一次批准：不是这个命令提出的、策略要别人批准的不能，说明原因；能的为空串。

    Args:
        runs: 账本的口。
        plan: 等着批准的计划。
        fresh: 这个命令新登记的运行。

    """
    for part in plan.parts:
        if part.run_id not in fresh:
            return tr("{airport} 不是这个命令新登记的，等着的也许不是它的第一份计划", airport=part.airport)
        if why := runs.why_not_in_advance(part.run_id):
            return f"{part.airport} {why}"
    return ""


def cancel_all(runs: RunAccess, campaign: Campaign, airports: Sequence[str] = ()) -> list[str]:
    """取消还没有结束的各机场，各说一句结局；``airports`` 给出时只取消这几个。"""
    told = []
    for row in look(runs, campaign, airports).rows:
        if not row.phase or row.exit_code is not None:
            continue
        done = runs.cancel(row.run_id)
        left = tr("，{holder}做完进行中的就停", holder=done["holder"]) if done["holder"] else ""
        left = left or (
            tr("，还欠着 {n} 台，用 resume {run_id} 做完", n=len(done["owed"]), run_id=row.run_id)
            if done["owed"]
            else ""
        )
        told.append(tr("{airport} 已取消{left}", airport=row.airport, left=left))
    return told or [tr("没有还没结束的机场")]


def named(plan: CampaignPlan, digests: Sequence[str]) -> bool:
    """给出的摘要说的是不是这一份。"""
    return any(plan.digest.startswith(each.lower()) for each in digests)
