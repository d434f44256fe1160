"""推出：试点先做，其余同时几个；一个机场等人不耽误别的，坏满了就停。"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final

from pam_deploy_graph.campaigns.overview import AirportRow, Overview, look
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import PamError, RunPausedError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.report.progress_line import Progress
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.arrangement import Campaign

_TICK_SECONDS: Final = 1.0
"""多久看一眼别的终端有没有答了谁的问题。"""
GOES_ON: Final = frozenset({"interrupted", "decided"})


class CampaignRollout:
    """推进一次多机场部署，直到没有机场可以再做。

    ``problem`` 是停下的原因：试点没有做好（``pilot_failed``）、坏满了；没有为空串。
    """

    def __init__(
        self,
        runs: RunAccess,
        campaign: Campaign,
        drive: Callable[[str], object],
        say: Callable[[str], None],
        *,
        stop: threading.Event,
        goes_on: frozenset[str] = GOES_ON,
        past_pilot: bool = False,
    ) -> None:
        """备好，还没有推。

        Args:
            runs: 账本的口。
            campaign: 安排。
            drive: 推进一个机场的运行。
            say: 说给人听。
            stop: 不再开新的。
            goes_on: 哪些处境的接着做；服务器正推着的（``running``）也可以接着看。
            past_pilot: 人说了试点没有做好也接着做。

        """
        self._pilot = "" if past_pilot else campaign.pilot
        self._runs, self._campaign, self._drive, self._say = runs, campaign, drive, say
        self._stop, self._goes_on = stop, goes_on
        self._progress = {campaign.run_id(each): Progress() for each in campaign.airports}
        self._rolling: dict[Future[object], str] = {}
        self._rows: dict[str, AirportRow] = {}
        self._broken: set[str] = set()
        self.problem, self.pilot_failed = "", False

    def run(self) -> Overview:
        """做到没有机场可以再做，返回那时的样子。"""
        with ThreadPoolExecutor(self._campaign.at_once, thread_name_prefix="pam-campaign") as pool:
            while self._start_some(pool):
                done, _ = wait(self._rolling, _TICK_SECONDS, FIRST_COMPLETED)
                for each in done:
                    self._ended(self._rolling.pop(each), each)
        return look(self._runs, self._campaign)

    def line(self) -> str:
        """进度的一行：结束了几个机场，做着的各到几台。"""
        told = [f"{each} {self._progress_of(each).done_text()}" for each in list(self._rolling.values())]
        return " · ".join(filter(str.strip, told))

    def in_flight(self) -> dict[str, str]:
        """进行中的各台正做着的动作。"""
        flying = {airport: self._progress_of(airport).in_flight() for airport in list(self._rolling.values())}
        return {f"{airport} {ip}": step for airport, steps in flying.items() for ip, step in steps.items()}

    def _progress_of(self, airport: str) -> Progress:
        """一个机场的进度。"""
        return self._progress[self._campaign.run_id(airport)]

    @contextmanager
    def watching(self, state: AgentState) -> Iterator[Callable[[Event], None]]:
        """跟着一个机场的一段；别的运行不听。"""
        progress = self._progress.get(state.run_id) or Progress()
        with progress.following(state) as hear:
            yield hear

    def _start_some(self, pool: ThreadPoolExecutor) -> bool:
        """空着的位置让给能做的机场；返回还有没有在做的。"""
        found = self._look()
        self.problem = self.problem or self._why_stop(found)
        if self._spent(found):
            self._stop.set()
        for row in [] if self.problem or self._stop.is_set() else found.rows:
            if len(self._rolling) < self._campaign.at_once and self._may_start(found, row):
                self._say(tr("{airport} 开始: 运行 {run_id}", airport=row.airport, run_id=row.run_id))
                self._rolling[pool.submit(self._drive, row.run_id)] = row.airport
        return bool(self._rolling)

    def _look(self) -> Overview:
        """看一遍；在做的与结束了的不必再从账本折叠。"""
        rolling = set(self._rolling.values())
        known = {each for each, row in self._rows.items() if each in rolling or row.exit_code is not None}
        if fresh := [each for each in self._campaign.airports if each not in known]:
            self._rows |= {row.airport: row for row in look(self._runs, self._campaign, fresh).rows}
        return Overview(self._campaign, tuple(self._rows[each] for each in self._campaign.airports))

    def _may_start(self, found: Overview, row: AirportRow) -> bool:
        """一个机场此刻能不能做：批准了或已中断，试点之后的要等它做好。"""
        idle = row.airport not in self._rolling.values() and row.airport not in self._broken
        turn = self._pilot in ("", row.airport) or found.row(self._pilot).exit_code == ExitCode.DONE
        return idle and turn and row.phase in self._goes_on

    def _why_stop(self, found: Overview) -> str:
        """为什么不再开新的机场；没有为空串。"""
        if self._spent(found):
            return tr(
                "一共坏了 {failed} 台，到了上限 {max_failures} 台，不再做",
                failed=self._failed(found),
                max_failures=self._campaign.max_failures,
            )
        if (pilot := self._pilot) and found.row(pilot).exit_code not in (None, ExitCode.DONE):
            self.pilot_failed = True
            why = found.row(pilot).reason or tr("失败 {failed} 台", failed=found.row(pilot).failed)
            return tr("试点 {pilot} 没有全部做好（{why}），其余机场没有开始", pilot=pilot, why=why)
        return ""

    def _spent(self, found: Overview) -> bool:
        """坏满了没有。"""
        return 0 < self._campaign.max_failures <= self._failed(found)

    def _failed(self, found: Overview) -> int:
        """各机场一共坏了几台。"""
        return sum(max(row.failed, self._progress[row.run_id].figures()["failed"]) for row in found.rows)

    def _ended(self, airport: str, done: Future[object]) -> None:
        """一个机场停下了：说它停在哪里。"""
        try:
            done.result()
        except RunPausedError as error:
            self._say(tr("{airport} 停下: {error}", airport=airport, error=error))
        except PamError as error:
            self._broken.add(airport)
            self._say(tr("{airport} 停下: {error}", airport=airport, error=error))
        else:
            row = look(self._runs, self._campaign, [airport]).rows[0]
            told = tr(
                "{shown_phase}，成功 {succeeded}/{targets}，失败 {failed}",
                shown_phase=row.shown_phase,
                succeeded=row.succeeded,
                targets=row.targets,
                failed=row.failed,
            )
            self._say(f"{airport} {told}{(tr('，') + row.reason if row.reason else '')}")
            if row.phase == "interrupted":
                self._broken.add(airport)
