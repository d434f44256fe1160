"""PAM 前面的代理弄坏每一种应答：每个效果恰好一次，一次重试就能弄清的不问人（faults「answers」「network」）。"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.patience import patience
from tests.protocol.proxy import Fault
from tests.protocol.spoiled_site import EVERY, HOPS, SAMPLE, STEPS, VERSION, SpoiledSite

_SLOW = pytest.mark.slow
ONCE = Counter([(None, "upload-package"), (None, "publish-version"), (None, "sync-node")])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """用完都关掉。"""
    with ExitStack() as each:
        yield each


def deployed_once(site: SpoiledSite, max_parallel: int = 16) -> None:
    """每台都在新版本上运行，每个效果恰好一次，除了计划什么也没有问。"""
    ended, asked = site.deploy(max_parallel)
    assert (asked, ended["exit_code"]) == ([], 0), asked or ended
    assert site.effects() == ONCE + Counter((ip, f"{order}-ip") for ip in site.ips for order in STEPS)
    assert {(row["running"], row["version"]) for row in site.lab.workstations()} == {(True, VERSION)}
    site.told(f"部署 {len(site.ips)} 台", len(asked))


def rolled_back_once(site: SpoiledSite) -> None:
    """验证都不通过，都同意回滚：每台恰好退回一次，都在原来的版本上运行。"""
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:verify:fail")
    ended, asked = site.deploy()
    assert ended["exit_code"] == 11, ended
    effects = site.effects()
    assert {effects[ip, "rollback-ip"] for ip in site.ips} == {1}
    assert max(effects.values()) == 1
    assert {(row["running"], row["version"]) for row in site.lab.workstations()} == {(True, "1.2.2")}
    rounds = [len(one["waiting"]) for one in asked]
    site.told(f"回滚 {len(site.ips)} 台，各轮问 {rounds} 台", len(asked))


def published_once(site: SpoiledSite, faults: list[Fault]) -> None:
    """每一种坏法一个版本，上传、发布、同步各坏一次：各恰好一次，没有一个停下来。"""
    versions = [f"3.0.{number}" for number in range(len(faults))]
    for number, version in enumerate(versions):
        site.spoil_global(version, [faults[(number + shift) % len(faults)] for shift in range(3)])
    site.publish_each(versions)
    effects = Counter((row["version"], row["action"]) for row in site.lab.journal())
    assert effects == Counter((version, action) for version in versions for _, action in ONCE)
    site.told(f"发布 {len(versions)} 个版本", 0)


@pytest.mark.parametrize("hop", ["script", "mcp", pytest.param("mcp-node", marks=_SLOW)])
def test_spoiled_answers_have_their_effects_once(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """每一类坏法各取几个。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=len(SAMPLE))
    site.spoil(SAMPLE, STEPS)
    deployed_once(site)


@pytest.mark.parametrize("hop", ["mcp", *(pytest.param(hop, marks=_SLOW) for hop in ("script", "mcp-node"))])
def test_spoiled_steps_of_home_and_sync_happen_once(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """HOME 自己的两步与同步，每一类坏法各取几个。"""
    published_once(SpoiledSite(stack, tmp_path, hop), SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("hop", HOPS)
def test_refused_connections_are_tried_again(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """每一步之后代理不听了一会儿，下一步的连接被拒绝：再送，不问人。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=2)
    site.spoil([Fault("gone", 700)], STEPS)
    site.spoil_global(VERSION, [Fault("gone", 700)] * 3)
    deployed_once(site, max_parallel=1)


@pytest.mark.parametrize("status", [401, pytest.param(403, marks=_SLOW)])
@pytest.mark.parametrize("hop", ["script", "mcp", pytest.param("mcp-node", marks=_SLOW)])
def test_an_expired_token_is_one_question(hop: str, status: int, stack: ExitStack, tmp_path: Path) -> None:
    """令牌过期，PAM 自己说的：不再开新的，一个效果也没有，只问一次；换好之后重试，全部做完。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=6)
    for ip in site.ips:
        site.faced.faults[ip, "stop"] = [Fault("refuse", status)] * 3
    control = {"execution_strategy": site.strategy, "max_parallel": 3, "ask_after": len(site.ips)}
    site.desk.say({"params": site.params(VERSION), "control": control})
    asked = site.desk.answer("approve")
    assert (asked["ask"], len(asked["waiting"]) <= 3) == ("rollback-ip", True), asked
    assert site.effects() == ONCE
    site.faced.faults.clear()
    ended = site.desk.answer("retry")
    assert (ended["exit_code"], ended["counters"]["succeeded"]) == (0, len(site.ips)), ended


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault("slow", 1000), Fault("mute")], ids=["one-byte-a-second", "half-open"])
@pytest.mark.parametrize("hop", HOPS)
def test_an_answer_that_does_not_end(hop: str, fault: Fault, stack: ExitStack, tmp_path: Path) -> None:
    """一秒答一个字节、半开：到了动作的时限就不等了，问过工作站接着做，不问人，各恰好一次。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=3, seconds=5)
    site.spoil([fault], STEPS)
    site.spoil_global(VERSION, [fault] * 3)
    began = time.monotonic()
    deployed_once(site)
    assert time.monotonic() - began < patience(6 * (5 + 2) + 10)


@pytest.mark.slow
@pytest.mark.parametrize("hop", HOPS)
def test_spoiled_rollbacks_happen_once(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """回滚的应答坏了也一样。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=len(SAMPLE))
    site.spoil(SAMPLE, ("rollback",))
    rolled_back_once(site)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hop", HOPS)
def test_every_spoiled_answer(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """400 到 599 每个状态，头与正文的各个断点，重置、重复、慢、没有收下，在每台的每个会改变外界的动作上。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=len(EVERY))
    site.spoil(EVERY, STEPS)
    deployed_once(site)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hop", HOPS)
def test_every_spoiled_rollback(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """同上，回滚。"""
    site = SpoiledSite(stack, tmp_path, hop, workstations=len(EVERY))
    site.spoil(EVERY, ("rollback",))
    rolled_back_once(site)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hop", HOPS)
def test_every_spoiled_step_of_home_and_sync(hop: str, stack: ExitStack, tmp_path: Path) -> None:
    """同上，上传、发布与同步。"""
    published_once(SpoiledSite(stack, tmp_path, hop), EVERY)
