"""PAM 前面的代理弄坏每一种应答：每个效果恰好一次，一次重试就能弄清的不问人（faults「answers」「network」）。"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import SecretStr

from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import PARAMS, Desk
from tests.protocol.proxy import Fault, Proxy, proxy_of

STEPS = ("stop", "deploy", "start")
SAMPLE = [
    *(Fault("status", code) for code in (404, 409, 500)),
    *(Fault("head", size) for size in (1, 40)),
    *(Fault("body", size) for size in (1, 12)),
    *(Fault("busy", code) for code in (429, 503)),
    *(Fault(kind) for kind in ("reset", "early", "twice", "slow")),
]
EVERY = [
    *(Fault("status", code) for code in range(400, 600)),
    *(Fault("head", size) for size in range(1, 80, 6)),
    *(Fault("body", size) for size in range(0, 60, 6)),
    *SAMPLE[7:],
]
VERSION = "1.2.3"


class Site:
    """一个试验场，HOME、NODE、MCP 前面各有一个代理；每台工作站的每个动作各坏一次，坏法轮着来。"""

    def __init__(self, stack: ExitStack, folder: Path, faults: list[Fault], orders: tuple[str, ...]) -> None:
        """一种坏法一台工作站。"""
        self.ips = [f"10.0.{n // 256}.{n % 256}" for n in range(1, len(faults) + 1)]
        self.lab = stack.enter_context(LabProcess(workstations=len(faults)))
        home, node = (stack.enter_context(proxy_of(url)) for url in (self.lab.home_url, self.lab.node_url()))
        mcp = stack.enter_context(proxy_of(self.lab.info["mcp_url"].removesuffix("/mcp")))
        home.replace = {self.lab.node_url(): node.url, self.lab.info["mcp_url"]: f"{mcp.url}/mcp"}
        self.proxies: list[Proxy] = [home, node, mcp]
        for proxy in (node, mcp):
            for number, ip in enumerate(self.ips):
                for shift, order in enumerate(orders):
                    proxy.faults[ip, order] = [faults[(number + shift) % len(faults)]]
        for proxy in (home, node, mcp):
            for verb in ("upload", "publish", "sync"):
                proxy.faults["-", verb] = [Fault("status", 500)]
        package = folder / "gate.pkg"
        package.write_bytes(b"release 1.2.3\n" * 100)
        settings = Settings(pam_home_url=home.url, pam_token=SecretStr(self.lab.token))
        self.desk = Desk(folder, InMemorySaver(), services=Services(home=folder, settings=settings))
        stack.callback(self.desk.services.close)
        self.package = package

    def deploy(self, strategy: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """部署到全部工作站，问什么都同意；返回结局与计划之后的各个问题。"""
        control = {"execution_strategy": strategy, "max_parallel": 16, "ask_after": len(self.ips)}
        params = PARAMS | {"PACKAGE_PATH": str(self.package), "REQUEST_TIMEOUT": "20", "VERSION_NUMBER": VERSION}
        found = self.desk.say({"params": params, "control": control})
        assert found.get("ask") == "approve_plan", found
        asked = []
        while (found := self.desk.answer("approve")).get("ask"):
            asked.append(found)
        return found, asked

    def effects(self) -> Counter[tuple[str | None, str]]:
        """每个效果真的发生了几次。"""
        return Counter((row["ip"], row["action"]) for row in self.lab.journal())

    @property
    def spoiled(self) -> int:
        """弄坏了几个应答。"""
        return sum(proxy.used for proxy in self.proxies)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """用完都关掉。"""
    with ExitStack() as each:
        yield each


def deployed_once(stack: ExitStack, folder: Path, strategy: str, faults: list[Fault]) -> None:
    """每台都在新版本上运行，每个效果恰好一次，除了计划什么也没有问。"""
    site = Site(stack, folder, faults, STEPS)
    ended, asked = site.deploy(strategy)
    assert (asked, ended["exit_code"]) == ([], 0), asked or ended
    effects = site.effects()
    assert effects == Counter(
        [(None, "upload-package"), (None, "publish-version"), (None, "sync-node")]
        + [(ip, f"{order}-ip") for ip in site.ips for order in STEPS]
    )
    assert {(row["running"], row["version"]) for row in site.lab.workstations()} == {(True, VERSION)}
    told = f"{strategy}：{len(site.ips)} 台，弄坏 {site.spoiled} 个应答，效果 {effects.total()} 个各一次，问人 0 次"
    print(told)  # noqa: T201  数目要让人看见


def rolled_back_once(stack: ExitStack, folder: Path, strategy: str, faults: list[Fault]) -> None:
    """验证都不通过，都同意回滚：每台恰好退回一次，都在原来的版本上运行。"""
    site = Site(stack, folder, faults, ("rollback",))
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:verify:fail")
    ended, asked = site.deploy(strategy)
    assert ended["exit_code"] == 11, ended
    effects = site.effects()
    assert {effects[ip, "rollback-ip"] for ip in site.ips} == {1}
    assert max(effects.values()) == 1
    assert {(row["running"], row["version"]) for row in site.lab.workstations()} == {(True, "1.2.2")}
    told = f"{strategy}：回滚 {len(site.ips)} 台，弄坏 {site.spoiled} 个应答，各一次，问了 {len(asked)} 次"
    print(told)  # noqa: T201  数目要让人看见


STRATEGIES = ["script_only", "hybrid_node_mcp"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_spoiled_answers_have_their_effects_once(strategy: str, stack: ExitStack, tmp_path: Path) -> None:
    """每一类坏法各取几个。"""
    deployed_once(stack, tmp_path, strategy, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_spoiled_rollbacks_happen_once(strategy: str, stack: ExitStack, tmp_path: Path) -> None:
    """回滚的应答坏了也一样。"""
    rolled_back_once(stack, tmp_path, strategy, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_spoiled_answer(strategy: str, stack: ExitStack, tmp_path: Path) -> None:
    """400 到 599 每个状态，头与正文的各个断点，重置、重复、慢、没有收下，在每个会改变外界的动作上。"""
    deployed_once(stack, tmp_path, strategy, EVERY)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_spoiled_rollback(strategy: str, stack: ExitStack, tmp_path: Path) -> None:
    """同上，回滚。"""
    rolled_back_once(stack, tmp_path, strategy, EVERY)
