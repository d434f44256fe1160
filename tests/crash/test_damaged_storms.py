"""记录也遭殃的风暴：kill -9 之后翻转字节、从备份恢复；最后印出数字。"""

from collections.abc import Iterator

import pytest

from tests.cli.site import Site
from tests.crash.ordeal import RECORDS, Ordeal, checkpointed, flip, restored

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]


@pytest.fixture
def ordeal(site: Site, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Ordeal]:
    """一场磨难；结束时印出数字，不管过没过。"""
    made = Ordeal(site, int(request.node.callspec.params["seed"]))
    yield made
    with capsys.disabled():
        print(f"\n{request.node.name}: {made.figures}")  # noqa: T201 —— 要给人看


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["pam.db", "pam.db-wal"])
def test_flipped_bytes(ordeal: Ordeal, name: str, seed: int) -> None:
    """打雷之后账本的 WAL（或 WAL 并进去之后的主文件）翻转了几位：照样做完，或停下说清、修了做完。"""
    assert seed >= 0
    ordeal.strike()
    if name == "pam.db":
        checkpointed(ordeal.folder / name)
    ordeal.figures["flipped"] = int(flip(ordeal.folder / name, ordeal.random, 8))
    ordeal.survive()
    ordeal.check()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("names", [RECORDS[:1], RECORDS], ids=["ledger", "both"])
def test_a_restored_backup(ordeal: Ordeal, names: tuple[str, ...], seed: int) -> None:
    """打雷，备份，再打雷，从备份恢复账本（或两份）：绝不把做过的当作没有做，停下说清、修了做完。"""
    assert seed >= 0
    ordeal.strike()
    with restored(ordeal, names):
        ordeal.strike()
    ordeal.survive()
    ordeal.check()
