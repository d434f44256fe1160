"""曾经的缺陷：kill -9 落在图的一步「写了 put_writes、还没 put」之间，resume 当成停下的运行而走错路。"""

import pytest

from tests.cli.site import Site
from tests.crash.deaths import KILLED, Deaths


@pytest.mark.parametrize(("point", "number"), [("before:put", 2), ("after:put_writes", 1)])
def test_death_between_writes_and_checkpoint(site: Site, point: str, number: int) -> None:
    """死在写入与检查点之间：恢复之后做完。"""
    deaths = Deaths(site)
    assert deaths.live(point, number).code == KILLED
    deaths.finish()
