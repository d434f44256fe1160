"""提出计划之前看一眼：要动的工作站最近是谁动的、现在是什么样；只问不改。

同时最多问 50 台，最多问 ``MOST_ASKED`` 台、``_SECONDS`` 秒：一万台的计划也只多几秒。其余的并不当作没有人动过，
计划里写明还有几台没有看；轮到它时开工之前照样要读。``repair`` 的每台都问。
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio

from pam_deploy_graph.flows.check_result import is_true
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import QUERY, perform
from pam_deploy_graph.flows.last_key import FOREIGN, other_owner
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.models import Values
from pam_deploy_graph.system.task_group import task_group

MOST_ASKED: Final = 2000
"""一份计划最多先问几台；其余的轮到时再问。"""
_AT_ONCE: Final = 50
_SECONDS: Final = 60.0


@dataclass
class Survey:
    """看到的样子；问不到的不在 ``found`` 里。"""

    asked: list[str]
    total: int
    found: dict[str, Values] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    """最近动过它的、这份账本里没有的运行。"""

    @property
    def keys(self) -> dict[str, str]:
        """每台最近一次生效的键；开工之前再看到别的，就是有人在这之间动过它。离线而没有键的是不知道，不是没有人动过。"""
        keys = {ip: (str(values["LAST_KEY"]), is_true(values["ONLINE"])) for ip, values in self.found.items()}
        return {ip: key for ip, (key, online) in keys.items() if key or online}

    @property
    def owners(self) -> list[str]:
        """给批准的人看过的、别处的运行。"""
        return sorted(set(self.foreign.values()))

    def lines(self) -> list[str]:
        """写给批准计划的人看：哪几台最近由别处动过，是谁动的；还有几台没有看。"""
        owners: dict[str, list[str]] = {}
        for ip in self.asked:
            if owner := self.foreign.get(ip):
                owners.setdefault(owner, []).append(ip)
        said = [
            tr("{show_ips} 最近是{owner}动的，{foreign}", show_ips=show_ips(ips), owner=owner, foreign=tr(FOREIGN))
            for owner, ips in owners.items()
        ]
        left = self.total - len(self.found)
        return said + ([tr("看过 {n} 台，其余 {left} 台轮到时再看", n=len(self.found), left=left)] if left else [])


def survey(
    ips: Sequence[str], *, everything: bool, held: Callable[[str], bool]
) -> tuple[Survey, Callable[[RunContext], Awaitable[None]]]:
    """返回空的样子与去问的流程。

    Args:
        ips: 计划里的工作站。
        everything: 每一台都问（``repair`` 用）；否则只问前 ``MOST_ASKED`` 台。
        held: 这个键出自的运行在不在这份账本里。

    Raises:
        RecordsDisagreeError: 去问的流程抛出：工作站上有这次运行的、账本不知道的键。

    """
    seen = Survey(list(ips) if everything else list(ips[:MOST_ASKED]), len(ips))

    async def work(ctx: RunContext) -> None:
        """同时问几台；有一台说账本落后了，就停下。"""
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def ask(ip: str) -> None:
            """问一台；问不到就算了，轮到它时还要问。"""
            async with limiter:
                truth = await perform(ctx, Outbox(ctx.session), QUERY, ip)
            if not truth.ok:
                return
            seen.found[ip] = truth.values
            key = str(truth.values["LAST_KEY"])
            if (owner := other_owner(ctx.state, key)) and not held(key):
                seen.foreign[ip] = owner

        with anyio.move_on_after(_SECONDS):
            async with task_group() as group:
                for ip in seen.asked:
                    group.start_soon(ask, ip)

    return seen, work
