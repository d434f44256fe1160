"""要再说一遍的问题（``confirm``）在各个时刻 kill -9：没有确认就什么也不做，确认了的恰好做一次（contract 第 4 节）。"""

import pytest

from tests.cli.site import Site
from tests.crash.deaths import KILLED, Deaths
from tests.crash.test_points import STORAGE

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
POINTS = [(point, number) for point in STORAGE for number in (1, 2, 3)]


@pytest.fixture
def deaths(site: Site) -> Deaths:
    """第一台刚装好就死了的一次。"""
    made = Deaths(site)
    assert made.live("after:deploy-ip", 1).code == KILLED
    return made


def test_going_on(deaths: Deaths) -> None:
    """换一种说法的继续，问着、答着、做着的各点各死一次；再说一遍就接得上，效果各一次。"""
    died = [deaths.live(*point, says="从停下的地方接着跑").code for point in POINTS]
    assert died.count(KILLED) >= len(STORAGE)
    deaths.finish()


def test_cancelling(deaths: Deaths, site: Site) -> None:
    """取消也一样：死在确认之前的没有取消；确认了的收尾，没有开工的一步也没有做。"""
    before = site.effects()
    died = [deaths.live(*point, says="取消").code for point in POINTS]
    assert died.count(KILLED) > 1
    done = site.resume()
    assert done.code == 12, done.err
    assert deaths.bad not in {ip for _, ip in site.effects()}
    assert len(site.effects()) == len(set(site.effects())) >= len(before)
    assert site.resume().code == 12
