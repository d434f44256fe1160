"""各页的测试：画得出来，说的与账本一样，格子守住位置，流从画的那一行接着。"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pam_deploy_graph.console import board
from pam_deploy_graph.console.board import board_of
from pam_deploy_graph.console.frames import run_frame
from pam_deploy_graph.console.hub import Watch
from pam_deploy_graph.console.live import KEYS, Live
from pam_deploy_graph.runs.run_table import row_of
from tests.console.browser import Browser, Site
from tests.graph.desk import Desk

BAD = "10.0.0.2"


@pytest.fixture
def waiting(desk: Desk, alone: Browser) -> Browser:
    """一台验证不过、等人决定。"""
    desk.to_rollback(BAD)
    return alone


@pytest.mark.parametrize("path", ["/", "/decide", "/ask", "/audit", "/people"])
def test_pages_without_any_run(alone: Browser, path: str) -> None:
    """还没有任何运行的时候，每一页也画得出来。"""
    assert "PAM 部署台" in alone.page(path)


@pytest.mark.parametrize("tail", ["", "/side", "/report", f"/ws/{BAD}", f"/ws/{BAD}?log=1", "/stop"])
def test_pages_of_a_run(waiting: Browser, tail: str) -> None:
    """一次运行的每一页。"""
    assert waiting.get(f"/runs/{waiting.site.run_id}{tail}").status_code == 200


def test_evidence_checks_out(waiting: Browser) -> None:
    """证据一页说没有不对；导出的文件别处核对得了。"""
    run_id = waiting.site.run_id
    assert "没有不对" in waiting.page(f"/audit/{run_id}")
    found = waiting.get(f"/audit/{run_id}/evidence.json")
    assert json.loads(found.text)["run"]["run_id"] == run_id


def test_board_tells_what_waits(waiting: Browser) -> None:
    """总览说出等着的一件，每一页的顶上都有数。"""
    assert re.search(r"data-waiting>1<", waiting.page("/people"))
    assert "决定 1 台" in waiting.page("/")


def test_cells_keep_their_place(desk: Desk, alone: Browser) -> None:
    """格子只换样子，不换位置；从画的那一行起的一帧，涂上去就是此刻的样子。"""
    desk.begin()
    run_id = alone.site.run_id
    before = Live(alone.site.room.services.ledger, run_id)
    ips, looks, seq = list(before.ips), list(before.looks), before.seq
    assert set(looks) == {"idle"}
    desk.fake.fail("verify-ip", BAD)
    desk.answer("approve")
    before.catch_up()
    assert before.ips == ips
    painted = _painted(looks, run_frame(before, seq, before.grid, 0)["d"])
    assert painted == before.looks == Live(alone.site.room.services.ledger, run_id).looks
    assert before.counts["waiting"] == 1


def _painted(looks: list[str], delta: dict[str, list[int]]) -> list[str]:
    """照 ``console.js`` 的办法涂上去。"""
    found = list(looks)
    for key, steps in delta.items():
        place = 0
        for step in steps:
            place += step
            found[place] = key
    return found


def test_after_a_restart_the_whole_grid_is_sent(waiting: Browser) -> None:
    """进程重新启动过：从前画的页面接上来，整张都给，一格不漏。"""
    live = Live(waiting.site.room.services.ledger, waiting.site.run_id)
    assert run_frame(live, live.seq, live.grid, 0)["d"] == {}
    assert _painted([""] * len(live.ips), run_frame(live, 1, live.grid, 0)["d"]) == live.looks
    assert run_frame(live, 1, "another", 0)["reload"] == 1


def test_counts_follow_the_looks(waiting: Browser) -> None:
    """帧里的台数照处境的次序，合起来是全部。"""
    live = Live(waiting.site.room.services.ledger, waiting.site.run_id)
    numbers = run_frame(live, 0, live.grid, 0)["n"]
    assert dict(zip(KEYS, numbers, strict=True))["waiting"] == 1
    assert sum(numbers) == len(live.ips)


async def test_stream_says_something_every_second(make_site: Callable[..., Site]) -> None:
    """流：先是总览，然后一秒没有别的可说就说一声「在」。"""
    stream = make_site(staffed=False).hub.stream([], "zh")
    first = await anext(stream)
    assert b'"run":""' in first
    assert b'"beat"' in await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # 是异步生成器


async def test_each_hears_the_run_in_his_own_language(waiting: Browser) -> None:
    """几个人看同一次运行：各听各的语言；没有新的就不再说，也不再写。"""
    site = waiting.site
    grid = Live(site.room.services.ledger, site.run_id).grid
    said = {}
    for spoken in ("zh", "en", "zh"):
        stream = site.hub.stream([Watch(site.run_id, 0, grid)], spoken)
        said[spoken] = (await anext(stream)).decode()
        await stream.aclose()  # type: ignore[attr-defined]  # 是异步生成器
    assert '"phase":"等人决定"' in said["zh"]
    assert '"phase":"waiting for a decision"' in said["en"]


def test_board_reads_again_only_what_changed(waiting: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """没有变的运行，总览不重算它那一行；等的时间照样往前走。"""
    room, made = waiting.site.room, []

    def counted(*given: Any) -> dict[str, Any]:
        """同 ``row_of``，记下算的是哪一行。"""
        made.append(given[2].run_id)
        return row_of(*given)

    monkeypatch.setattr(board, "row_of", counted)
    rows = [next(board_of(room).rows()) for _ in range(3)]
    assert made == [waiting.site.run_id]
    assert rows[0]["took_ms"] < rows[2]["took_ms"] + 1
    assert len({one.mark for one in (board_of(room), board_of(room))}) == 1


def test_what_was_heard_is_in_the_form(alone: Browser) -> None:
    """听到的每一项控制参数表里都有一格，提交时一项也不丢。"""
    said = "PEK checkin gate 1.2.3，先灰度 2 台观察 10 分钟，灰度后让我看一眼，批与批之间停 30 秒，每批 4 台"
    page = alone.post("/ask", {"do": "hear", "text": said}).text
    filled = dict(re.findall(r'<input name="(\w+)" value="([^"]*)"', page))
    heard = {"canary": "2", "hold": "600", "confirm_canary": "true", "pause_between": "30", "max_parallel": "4"}
    assert {name: filled.get(name) for name in heard} == heard
