"""一万格、每秒七百个事件，在真的 Chromium 里（``make test-browser``）：先画出来多久，每次更新占主线程多少毫秒。"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="没有装附加依赖 pictures（make test-browser 会装）")

from playwright.sync_api import CDPSession

from bench.drivers.console import RATE, RUN_ID, begin, write
from bench.fleet import addresses
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.services import Services
from tests.patience import patience
from tools.browser import find_chromium, open_browser
from tools.console_drill import Drill, new_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="没有装 Chromium（apt install chromium）"),
]
MANY, SECONDS = 10_000, 8
UPDATE_MS, PAINT_MS = 50.0, 1_500.0
"""比这更慢就是退步了；目标是 10 与 1,000，还没有都到（docs/console.md）。"""
COUNT = """() => { window.updates = 0; new MutationObserver(() => { window.updates += 1; })
  .observe(document.querySelector("[data-seq-text]"), { childList: true, characterData: true, subtree: true }); }"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
ANSWERED = "performance.getEntriesByType('navigation')[0].responseStart"
LOOKS = "[...document.querySelectorAll('#grid .cells li')].map((cell) => cell.className.split(' ')[0])"


@pytest.fixture
def rolling(tmp_path: Path) -> Iterator[tuple[Drill, Services, list[Event]]]:
    """一万台做完三成；余下的事件由用例写。"""
    services = Services(home=tmp_path)
    rest = begin(services.ledger, addresses(MANY))
    drill = Drill(tmp_path)
    drill.start("--watch-only")
    yield drill, services, rest
    drill.stop()
    services.close()


def _busy_ms(session: CDPSession) -> float:
    """页面的主线程到现在用了多少 CPU：脚本、样式、排版、绘制都在内；机器忙不忙都一样。"""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1000


@pytest.mark.timeout(180)
def test_ten_thousand_cells_in_a_browser(rolling: tuple[Drill, Services, list[Event]]) -> None:
    """画得出来，跟得上，末了一格不错。"""
    drill, services, rest = rolling
    with open_browser() as browser:
        page = new_page(browser)
        page.goto(drill.url)
        page.goto(f"{drill.url.rpartition('/')[0]}/runs/{RUN_ID}")
        page.wait_for_timeout(2_000)
        paint, answered = page.evaluate(PAINT), page.evaluate(ANSWERED)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.evaluate(COUNT)
        before = _busy_ms(session)
        writer = threading.Thread(target=write, args=(services.ledger, rest[: RATE * SECONDS], RATE))
        writer.start()
        while writer.is_alive():
            page.wait_for_timeout(200)
        page.wait_for_timeout(1_500)
        busy, updates = _busy_ms(session) - before, page.evaluate("window.updates")
        live = page.evaluate(LOOKS)
        page.reload()
        assert page.evaluate(LOOKS) == live
    sys.stdout.write(
        f"先画出来 {paint:.0f} 毫秒（等应答 {answered:.0f}）；{updates} 次更新，每次主线程 {busy / updates:.1f} 毫秒\n"
    )
    assert updates >= SECONDS
    assert busy / updates <= UPDATE_MS
    assert paint <= patience(PAINT_MS)
