"""控制台在真的浏览器里的测试（``make test-browser``）：真的试验场，真的进程；没有装 Chromium 就跳过。"""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright", reason="没有装附加依赖 pictures（make test-browser 会装）")

from playwright.sync_api import Browser, Page, expect

from tests.patience import patience
from tools.browser import find_chromium, open_browser
from tools.console_drill import Drill, new_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="没有装 Chromium（apt install chromium）"),
]
LOOKS = "[...document.querySelectorAll('#grid .cells li')].map((cell) => cell.className.split(' ')[0])"
IDLE = 1_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """一个浏览器，几个人各用各的。"""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """一个演练用的控制台。"""
    made = Drill(tmp_path_factory.mktemp("drill"))
    made.start("--lab")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def rolling(drill: Drill, browser: Browser) -> tuple[Page, Page, str]:
    """李提出，王批准，正在推出；看着运行的是李。"""
    li, wang = (drill.login(new_page(browser), name) for name in ("li", "wang"))
    run_id = drill.request(li)
    drill.answer(wang, run_id, "approve")
    li.goto(f"{drill.url}runs/{run_id}")
    return li, wang, run_id


@pytest.mark.timeout(300)
def test_whole_rollout_on_the_page(drill: Drill, rolling: tuple[Page, Page, str]) -> None:
    """一句话提出，批准，看着它推，坏了三台照卡片回滚，做完：页面自己跟着走，一格不错。"""
    li, wang, run_id = rolling
    problems: list[str] = []
    li.on("pageerror", lambda error: problems.append(str(error)))
    li.on("console", lambda message: problems.append(message.text))
    expect(li.locator("#side .ask")).to_be_visible(timeout=patience(90) * 1000)
    broken = 3
    while broken > 0:
        broken -= drill.answer(wang, run_id, "approve")
    expect(li.locator("[data-x=phase]")).to_have_text("已结束", timeout=patience(90) * 1000)
    live = li.evaluate(LOOKS)
    li.reload()
    assert li.evaluate(LOOKS) == live
    assert live.count("s-rolled") == 3
    assert live.count("s-done") == 37
    assert problems == []


def test_by_keyboard_alone(drill: Drill, rolling: tuple[Page, Page, str]) -> None:
    """只用键盘：到网格，走几格，回车看那一台，Esc 关上。"""
    li, _, run_id = rolling
    li.goto(f"{drill.url}runs/{run_id}")
    li.locator("#grid").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        li.keyboard.press(key)
    expect(li.locator("#sheet h2")).to_contain_text("10.0.0.3")
    li.keyboard.press("Escape")
    expect(li.locator("#sheet")).not_to_be_visible()


def test_eight_tabs_stay_alive(drill: Drill, rolling: tuple[Page, Page, str]) -> None:
    """八个标签页都打得开，都还新鲜：一个浏览器只有一条流。"""
    li, _, run_id = rolling
    tabs = [li.context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{drill.url}runs/{run_id}", timeout=patience(15) * 1000)
        tab.wait_for_timeout(1500)
        assert not tab.evaluate("document.body.classList.contains('is-stale')")
    for tab in tabs:
        tab.close()


def test_nothing_overflows_on_a_phone(drill: Drill, browser: Browser, rolling: tuple[Page, Page, str]) -> None:
    """电话的宽度，哪一页也不横着出去。"""
    page = drill.login(new_page(browser, width=390), "wang")
    for path in ("", "decide", "ask", "audit", "people", f"runs/{rolling[2]}", f"audit/{rolling[2]}"):
        page.goto(drill.url + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_idle_connections_do_not_shut_others_out(drill: Drill, browser: Browser) -> None:
    """一千个连上不说话的，别人照样打得开。"""
    where = urlsplit(drill.url)
    idle = [socket.create_connection((where.hostname or "", where.port or 0)) for _ in range(IDLE)]
    try:
        page = drill.login(new_page(browser), "zhao")
        assert page.title().endswith("PAM 部署台")
    finally:
        for one in idle:
            one.close()


def test_killed_server_greys_the_page_and_comes_back(tmp_path: Path, browser: Browser) -> None:
    """服务器被当场杀掉：三秒之内页面变灰、不能作决定；重新开起来，自己接上。"""
    port = _free_port()
    drill = Drill(tmp_path)
    drill.start("--port", str(port))
    page = new_page(browser)
    page.goto(drill.url)
    page.wait_for_timeout(1500)
    killed = time.monotonic()
    drill.stop(signal.SIGKILL)
    page.wait_for_selector("body.is-stale", timeout=patience(6) * 1000)
    assert time.monotonic() - killed < patience(4.5)
    drill.start("--port", str(port))
    expect(page.locator("body.is-stale")).to_have_count(0, timeout=patience(20) * 1000)
    drill.stop()


def _free_port() -> int:
    """一个空着的端口。"""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
