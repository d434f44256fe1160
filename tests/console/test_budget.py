"""一万台时的开销：页面多大、一帧多大、每一眼花多少 CPU；量的是 CPU 时间，机器忙不忙都一样。"""

import gzip
import time
from pathlib import Path

import pytest

from pam_deploy_graph.console.frames import run_frame, wire
from pam_deploy_graph.console.live import Live
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.runs.registration import RunRequest, register
from tests.console.browser import Browser
from tests.graph.desk import FAKE, PARAMS

pytestmark = pytest.mark.fleet
MANY, BATCH, LOOKS = 10_000, 175, 20
PAGE_BYTES, FRAME_BYTES, LOOK_MS = 50_000, 4_000, 20.0
"""页面压缩之后至多这么大；一帧至多这么大；每秒两眼、每眼这么多毫秒 CPU。"""


def _write(ledger: Ledger, run_id: str, events: list[dict[str, object]]) -> None:
    """把事件写进账本。"""

    async def work(session: RunSession) -> None:
        """一行一个，末了等落盘。"""
        for event in events:
            session.append(event)
        await session.flush()

    ledger.open_session(ledger.load_state(run_id, keep_events=False)).drive(work)


@pytest.fixture
def big(alone: Browser) -> tuple[Browser, Ledger, list[str]]:
    """一万台的一次运行，计划已经提出。"""
    ledger, ips = alone.site.room.services.ledger, [f"10.0.{n // 250}.{n % 250 + 1}" for n in range(MANY)]
    request = RunRequest(
        params=PARAMS,
        execution_strategy=FAKE["execution_strategy"],
        run_id="big",
        home=alone.site.room.home,
        target_ips=ips,
    )
    register(ledger, request)
    _write(ledger, "big", [{"type": "PLAN_PROPOSED", "digest": "d" * 64, "target_ips": ips, "text": ""}])
    return alone, ledger, ips


def test_ten_thousand_cells(big: tuple[Browser, Ledger, list[str]], tmp_path: Path) -> None:
    """页面不超过五十 KB，一帧几百字节，每一眼几毫秒。"""
    browser, ledger, ips = big
    page = browser.page("/runs/big")
    packed = len(gzip.compress(page.encode(), 6))
    live, looks, sizes = Live(ledger, "big"), [], []
    for number in range(LOOKS):
        part = ips[number * BATCH // 2 : (number + 1) * BATCH // 2]
        _write(ledger, "big", [{"type": kind, "ip": ip} for ip in part for kind in ("IP_START", "IP_DONE")])
        before, began = live.seq, time.process_time()
        live.catch_up()
        frame = wire(run_frame(live, before, live.grid, 0))
        looks.append((time.process_time() - began) * 1000)
        sizes.append(len(frame))
    assert page.count('<li class="s-idle">') == MANY
    assert packed <= PAGE_BYTES
    assert max(sizes) <= FRAME_BYTES
    assert sorted(looks)[LOOKS // 2] <= LOOK_MS
    assert live.counts["done"] == LOOKS * BATCH // 2
