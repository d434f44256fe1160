"""报告页在真的浏览器里的测试（``make test-browser``）：没有装 Chromium 就跳过。"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.report.html.page import render_html
from tests.report.html.runs import addresses, fake_run
from tests.report.html.test_report_page import PAYLOADS, poisoned

pytest.importorskip("playwright", reason="没有装附加依赖 pictures（make test-browser 会装）")

from playwright.sync_api import Page

from tools.browser import find_chromium, open_page
from tools.picture_report import demo_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="没有装 Chromium（apt install chromium）"),
]

SHOWN = "[...document.querySelectorAll('.cells li')].filter((cell) => cell.checkVisibility()).length"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
FOUND = "[...document.querySelectorAll('#found tbody tr')].map((row) => row.innerText)"
SEARCH = """(async (text) => {{
  const query = document.getElementById("query");
  query.value = text;
  query.dispatchEvent(new Event("input"));
}})({text!r})"""
CHIP = ".chips [data-look=done]"
IPV6 = [f"2001:db8:85a3:8d3:1319:8a2e:370:{n:x}" for n in range(0x7000, 0x7010)]


@contextmanager
def browse(path: Path, **options: Any) -> Iterator[Page]:
    """打开一页；除了这一页什么也不该请求，控制台里不该有话。"""
    with open_page(path, **options) as visit:
        yield visit.page
        assert visit.requests == [path.as_uri()]
        assert visit.problems == []


def _write(folder: Path, report: dict[str, Any], **logs: str) -> Path:
    """把报告页写进文件。"""
    path = folder / "report.html"
    path.write_text(render_html(report, logs=logs), encoding="utf-8")
    return path


def test_demo_report_can_be_searched_and_filtered(tmp_path: Path) -> None:
    """演示的报告页：查找、筛选、跳到原因都真的管用。"""
    with browse(demo_report(tmp_path)) as page:
        assert page.evaluate(SHOWN) == 8
        page.evaluate(SEARCH.format(text="10.0.0.4"))
        assert page.evaluate(SHOWN) == 1
        (row,) = page.evaluate(FOUND)
        assert "失败，已回滚" in row
        assert "1.2.2" in row
        page.click("#found a")
        assert page.evaluate("document.querySelector(':target').innerText.includes('verify-ip')")
        page.evaluate(SEARCH.format(text=""))
        page.click(CHIP)
        assert page.evaluate(SHOWN) == 7
        assert page.text_content("#tally") == "找到 7 台"
        page.click(CHIP)
        assert page.evaluate(SHOWN) == 8


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("ips", [addresses(1_000), IPV6], ids=["thousand", "ipv6"])
def test_page_fits_the_window(ips: list[str], width: int, tmp_path: Path) -> None:
    """一千台、IPv6，手机宽与桌面宽都不会横向滚动，每台都看得到。"""

    def arrange(fake: Any) -> None:
        """四分之一失败，原因里带地址。"""
        for ip in ips[::4]:
            fake.fail("verify-ip", ip, error=f"{ip} 的探针没有回答")

    control = {"max_parallel": 50, "ask_after": 50}
    path = _write(tmp_path, fake_run(tmp_path, ips=ips, arrange=arrange, control=control))

    with browse(path, width=width) as page:
        assert (page.evaluate(SHOWN), page.evaluate(OVERFLOW)) == (len(ips), 0)


def test_page_reads_without_scripts(tmp_path: Path) -> None:
    """禁用脚本时没有查找框，其余都在。"""
    report = fake_run(
        tmp_path, ips=addresses(8), arrange=lambda fake: fake.fail("verify-ip", "10.0.0.4", error="没有回答")
    )
    path = _write(tmp_path, report)

    with browse(path, scripts=False) as page:
        text = page.evaluate("document.body.innerText")
    assert "查找工作站" not in text
    assert all(word in text for word in ("8 台中 7 台已部署", "时间线", "没有回答", "批准回滚", "0.0.0"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_runs_nothing(payload: str, tmp_path: Path) -> None:
    """处处是有害文字的页面：不执行、不请求、不违反策略，查找结果里也一样。"""
    report = fake_run(
        tmp_path, ips=addresses(8), arrange=lambda fake: fake.fail("verify-ip", "10.0.0.4", error="没有回答")
    )
    hostile = poisoned(report, payload)
    path = _write(tmp_path, hostile, **dict.fromkeys(hostile["ips"], payload))

    with browse(path) as page:
        page.evaluate(SEARCH.format(text="10.0.0."))
        assert len(page.evaluate(FOUND)) == 8
        page.evaluate("document.querySelectorAll('*').forEach((it) => it.dispatchEvent(new Event('mouseover')))")
        seen = page.evaluate("typeof window.hacked + document.querySelectorAll('script, iframe, img').length")
    assert seen == "undefined1"
