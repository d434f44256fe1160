"""每一页给屏幕阅读器与键盘的样子（axe-core，``make test-browser``）：桌面、电话、深色，没有一处严重的。"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

pytest.importorskip("playwright", reason="没有装附加依赖 pictures（make test-browser 会装）")
pytest.importorskip("axe_playwright_python", reason="没有装附加依赖 pictures（make test-browser 会装）")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.graph.desk import Desk
from tools.browser import find_chromium, open_browser
from tools.console_drill import Drill, new_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="没有装 Chromium（apt install chromium）"),
]
BAD = "10.0.0.2"
SERIOUS = ("serious", "critical")
LOOKS: list[tuple[int, Literal["light", "dark"]]] = [(1440, "light"), (390, "light"), (1440, "dark")]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """一个浏览器。"""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def waiting(desk: Desk, tmp_path: Path) -> Iterator[tuple[Drill, str]]:
    """一台验证不过、等人决定，另一次的计划等批准；真的进程。"""
    desk.to_rollback(BAD)
    run_id = str(desk.values()["run_id"])
    drill = Drill(tmp_path)
    drill.start("--watch-only")
    yield drill, run_id
    drill.stop()


def _serious(page: Page) -> list[str]:
    """严重的各是什么、在哪里。"""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']} {one['nodes'][0]['target']}" for one in found if one["impact"] in SERIOUS]


def test_nothing_serious_on_any_page(browser: Browser, waiting: tuple[Drill, str]) -> None:
    """每一页，三种样子。"""
    drill, run_id = waiting
    root = drill.url.rpartition("/")[0]
    paths = ["/", "/decide", "/ask", "/audit", "/people", f"/decide/{run_id}/-", f"/audit/{run_id}"]
    paths += [f"/runs/{run_id}{tail}" for tail in ("", f"/ws/{BAD}", f"/ws/{BAD}?log=1", "/stop", "/report")]
    paths += [f"/runs/{run_id}?look=waiting", "/runs/none"]
    found = {}
    blank = new_page(browser)
    blank.set_content("<img src='x'>")
    assert _serious(blank)
    for width, scheme in LOOKS:
        page = new_page(browser, width=width, scheme=scheme)
        page.goto(f"{root}/login")
        found[width, scheme, "/login"] = _serious(page)
        page.goto(drill.url)
        for path in paths:
            page.goto(root + path)
            found[width, scheme, path] = _serious(page)
        page.goto(f"{root}/runs/{run_id}")
        page.locator("#grid .cells li").first.click()
        page.locator("#sheet h2").wait_for()
        found[width, scheme, "sheet"] = _serious(page)
    assert {where: what for where, what in found.items() if what} == {}
