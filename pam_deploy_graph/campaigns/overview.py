"""看：各机场走到哪里、一共做完几台、停在哪里（只读；由账本得出，账本在本机还是在服务器后面由 ``RunAccess`` 去管）。"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.report.text_table import aligned
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.arrangement import Campaign
from pam_deploy_graph.runs.run_table import ENDINGS
from pam_deploy_graph.runs.status import PHASES, SHORT_DIGEST
from pam_deploy_graph.system.safe_text import printable

_NOT_REGISTERED: Final = msgid("没有登记")
_COLUMNS: Final = tuple(map(msgid, ("机场", "处境", "目标", "成功", "失败", "停用", "运行", "说明")))


@dataclass(frozen=True, slots=True)
class AirportRow:
    """一个机场此刻；``phase`` 为空是还没有登记，``plan_digest`` 是等着批准的计划的摘要，没有等着为空。"""

    airport: str
    run_id: str
    phase: str = ""
    exit_code: int | None = None
    reason: str = ""
    targets: int = 0
    succeeded: int = 0
    failed: int = 0
    out_of_service: int = 0
    state_unknown: int = 0
    plan_digest: str = ""

    @property
    def shown_phase(self) -> str:
        """处境怎样说。"""
        if self.plan_digest:
            return tr("等批准计划")
        return PHASES.get(self.phase, tr(_NOT_REGISTERED))

    @property
    def troubled(self) -> bool:
        """有没做好的，或停用着的。"""
        return bool(self.failed or self.out_of_service or self.state_unknown)

    def cells(self) -> tuple[str, ...]:
        """表里的一行。"""
        numbers = (self.targets, self.succeeded, self.failed, self.out_of_service)
        ended = "" if self.exit_code is None else ENDINGS.get(ExitCode(self.exit_code), "")
        return (self.airport, self.shown_phase, *map(str, numbers), self.run_id, printable(self.reason) or ended)


@dataclass(frozen=True, slots=True)
class Overview:
    """一次多机场部署此刻的样子。"""

    campaign: Campaign
    rows: tuple[AirportRow, ...]

    def row(self, airport: str) -> AirportRow:
        """一个机场。"""
        return next(row for row in self.rows if row.airport == airport)

    @property
    def exit_code(self) -> ExitCode:
        """照各机场得出：都完了的取最重的；有等人的是 10，别的已中断是 12。"""
        if all(row.exit_code is not None for row in self.rows):
            return ExitCode(max(row.exit_code or 0 for row in self.rows))
        waiting = any(row.phase in ("waiting", "decided") for row in self.rows)
        return ExitCode.WAITING if waiting else ExitCode.STOPPED

    @property
    def plan_digest(self) -> str:
        """等着批准的合成的计划的摘要：安排改了、哪个机场的计划改了，它就变；没有等着的为空串。"""
        parts = [[row.run_id, row.plan_digest] for row in self.rows if row.plan_digest]
        whole = json.dumps([self.campaign.as_dict(), parts], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest() if parts else ""

    def first_line(self) -> str:
        """停用的、状态未知的放在最前面；都没有为空串。"""
        dark = _told({row.airport: row.out_of_service for row in self.rows})
        unknown = _told({row.airport: row.state_unknown for row in self.rows})
        parts = [
            tr("停用: {dark}", dark=dark) if dark else "",
            tr("状态未知: {unknown}", unknown=unknown) if unknown else "",
        ]
        said = tr("；").join(filter(None, parts))
        return tr("{said}；各台见 status RUN_ID", said=said) if said else ""

    def text(self) -> str:
        """写给人看：停用的、概况、一个机场一行，没做成的在前。"""
        total: Counter[str] = Counter()
        for row in self.rows:
            total.update(targets=row.targets, succeeded=row.succeeded, failed=row.failed)
        ended = sum(row.exit_code is not None for row in self.rows)
        told = tr(
            "目标 {targets} 台，成功 {succeeded}，失败 {failed}",
            targets=total["targets"],
            succeeded=total["succeeded"],
            failed=total["failed"],
        )
        head = [
            *filter(None, [self.first_line()]),
            tr("多机场部署 {campaign_id}: {text}", campaign_id=self.campaign.campaign_id, text=self.campaign.text()),
            tr("结束 {ended}/{n} 个机场；{told}", ended=ended, n=len(self.rows), told=told),
        ]
        rows = sorted(self.rows, key=lambda row: (not row.troubled, not row.reason))
        return "\n".join([*head, *aligned([tuple(map(tr, _COLUMNS)), *(row.cells() for row in rows)])])

    def as_dict(self) -> dict[str, Any]:
        """写成 JSON 对象。"""
        rows = [asdict(row) for row in self.rows]
        return self.campaign.as_dict() | {"exit_code": int(self.exit_code), "runs": rows}


def _told(numbers: Mapping[str, int]) -> str:
    """各机场几台；没有的不说。"""
    return tr("、").join(
        tr("{airport} {number} 台", airport=airport, number=number) for airport, number in numbers.items() if number
    )


def campaign_of(runs: RunAccess, campaign_id: str) -> Campaign:
    """读回一次多机场部署的安排。

    Raises:
        RunNotFoundError: 没有这样一次。

    """
    found = runs.arrangement(campaign_id)
    return Campaign(**found | {"airports": tuple(found["airports"])})


def look(runs: RunAccess, campaign: Campaign, airports: Sequence[str] = ()) -> Overview:
    """看一遍；``airports`` 给出时只看这几个。"""
    names = {each: campaign.run_id(each) for each in airports or campaign.airports}
    found = zip(names.items(), runs.briefs(list(names.values())), strict=True)
    return Overview(campaign, tuple(AirportRow(airport, run_id, **brief) for (airport, run_id), brief in found))


def waiting_text(found: Overview) -> str:
    """等人的各机场怎样答；没有为空串。"""
    name, code = found.campaign.campaign_id, found.plan_digest[:SHORT_DIGEST]
    plan = tr("等批准计划: campaign confirm {name} --approve --digest {code}（或 --reject）", name=name, code=code)
    asked = [row for row in found.rows if row.phase == "waiting" and not row.plan_digest]
    lines = [plan] if code else []
    lines += [
        tr("{airport} 等人决定: status {run_id}，然后 confirm {run_id}", airport=row.airport, run_id=row.run_id)
        for row in asked
    ]
    return "\n".join([*lines, tr("答完用 campaign resume {name} 接着做", name=name)]) if lines else ""


def render_report(runs: RunAccess, found: Overview) -> str:
    """一页 Markdown：概况，然后各机场的报告，没做好的在前。"""
    rows = sorted((row for row in found.rows if row.phase), key=lambda row: not row.troubled)
    pages = [str(runs.report(row.run_id, "brief")) for row in rows]
    return "\n".join(
        [
            tr("# 多机场部署 {campaign_id}", campaign_id=found.campaign.campaign_id),
            "",
            "```",
            found.text(),
            "```",
            "",
            *pages,
        ]
    )
