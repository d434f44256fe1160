"""在各个时刻 kill -9：恢复之后做完，没有一个效果重复或丢失（contract 第 5 节，账本的 INTENT 与 DONE）。"""

from itertools import count

import pytest

from tests.cli.site import Site
from tests.crash.deaths import BY_KEY, KILLED, Deaths

ROUTER = [f"{side}:{action}" for action in BY_KEY for side in ("before", "after")]
STORAGE = [f"{side}:{name}" for name in ("commit", "decide", "put", "put_writes") for side in ("before", "after")]


@pytest.mark.parametrize(
    "points", [ROUTER[::2], ROUTER[1::2], STORAGE], ids=["intent-effect", "effect-done", "storage"]
)
def test_a_life_of_deaths(site: Site, points: list[str]) -> None:
    """同一次运行在每一点各死一次，每次恢复都从死处接着走。"""
    deaths = Deaths(site)
    for point in points:
        done = deaths.live(point, 1)
        assert done.code == KILLED, f"没有走到 {point}：{done.err}"
    deaths.finish()


@pytest.mark.crash
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("point", [*ROUTER, *STORAGE])
def test_one_death(site: Site, point: str, number: int) -> None:
    """第几次经过哪一点，各死一次；没有那么多次经过的就是没死，照样核对。"""
    deaths = Deaths(site)
    done = deaths.live(point, number)
    assert done.code in (KILLED, 11), done.err
    assert done.code == KILLED or number > 1, f"没有走到 {point}"
    deaths.finish()


@pytest.mark.crash
@pytest.mark.timeout(600)
def test_a_death_during_each_recovery(site: Site) -> None:
    """每次恢复又死在它经过的第几个点上，一次比一次晚，直到活着做完。"""
    deaths = Deaths(site)
    for number in count(1):
        if deaths.live("", number).code != KILLED:
            break
    deaths.finish()
