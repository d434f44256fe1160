"""应答会坏的现场：HOME、NODE、MCP 前面各一个代理，坏法轮着来，效果由试验场的流水来数。"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from langgraph.checkpoint.memory import InMemorySaver
from pydantic import SecretStr

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE
from pam_deploy_graph.flows.global_flow import run_global
from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import PARAMS, Desk
from tests.protocol.proxy import Fault, Proxy, proxy_of

STEPS: Final = ("stop", "deploy", "start")
GLOBAL: Final = ("upload", "publish", "sync")
SLOW: Final = Fault("slow", 2)
SAMPLE: Final = [
    *(Fault("status", code) for code in (404, 409, 500)),
    *(Fault("head", size) for size in (1, 40)),
    *(Fault("body", size) for size in (1, 12)),
    *(Fault("busy", code) for code in (429, 503)),
    *(Fault(kind) for kind in ("reset", "early", "twice")),
    SLOW,
]
EVERY: Final = [
    *(Fault("status", code) for code in range(400, 600)),
    *(Fault("head", size) for size in range(1, 80, 6)),
    *(Fault("body", size) for size in range(0, 60, 6)),
    *SAMPLE[7:],
]
VERSION: Final = "1.2.3"
HOPS: Final = {"script": "script_only", "mcp": "hybrid_node_mcp", "mcp-node": "hybrid_node_mcp"}
"""坏在哪一跳：脚本到 NODE，客户端到 MCP 服务，MCP 服务到 NODE；各是哪种策略。"""
_AT_ONCE: Final = 8


class SpoiledSite:
    """一个试验场与它前面的代理。"""

    def __init__(self, stack: ExitStack, folder: Path, hop: str, *, workstations: int = 1, seconds: int = 20) -> None:
        """``seconds`` 是每次调用的时限；``hop`` 见 ``HOPS``。"""
        self.hop, self.strategy, self.seconds = hop, HOPS[hop], str(seconds)
        self.ips = [f"10.0.{n // 256}.{n % 256}" for n in range(1, workstations + 1)]
        self.lab = stack.enter_context(LabProcess(workstations=workstations))
        self.home, self.node = (stack.enter_context(proxy_of(url)) for url in (self.lab.home_url, self.lab.node_url()))
        self.mcp = stack.enter_context(proxy_of(self._mcp_origin(stack)))
        self.home.replace = {self.lab.node_url(): self.node.url, self.lab.info["mcp_url"]: f"{self.mcp.url}/mcp"}
        self.faced = self.mcp if hop == "mcp" else self.node
        settings = Settings(pam_home_url=self.home.url, pam_token=SecretStr(self.lab.token))
        self.desk = Desk(folder, InMemorySaver(), services=Services(home=folder, settings=settings))
        stack.callback(self.desk.services.close)
        self.folder = folder

    def _mcp_origin(self, stack: ExitStack) -> str:
        """MCP 服务：试验场自己的那个，或者隔着 NODE 的代理另起的一个。"""
        if self.hop != "mcp-node":
            return str(self.lab.info["mcp_url"]).removesuffix("/mcp")
        env = Settings.child_environ() | {"PAM_TOKEN": self.lab.token}
        server = Helper(helper_command("mcp-node", "--node-url", self.node.url), env=env)
        stack.callback(server.stop)
        return str(server.info["mcp_url"]).removesuffix("/mcp")

    def spoil(self, faults: Sequence[Fault], orders: Sequence[str]) -> None:
        """每台工作站的每个动作各坏一次，坏法轮着来；全局的三步各答一次 500。"""
        for number, ip in enumerate(self.ips):
            for shift, order in enumerate(orders):
                self.faced.faults[ip, order] = [faults[(number + shift) % len(faults)]]
        self.spoil_global(VERSION, [Fault("status", 500)] * 3)

    def spoil_global(self, version: str, faults: Sequence[Fault]) -> None:
        """一个版本的上传、发布、同步各坏一次。"""
        for verb, fault in zip(GLOBAL, faults, strict=True):
            self._before(verb).faults[version, verb] = [fault]

    def _before(self, verb: str) -> Proxy:
        """一个全局的动词经过哪个代理：HOME 的总是走脚本。"""
        return self.faced if verb == "sync" else self.home

    def params(self, version: str) -> dict[str, str]:
        """部署一个版本的参数；每个版本的安装包各不相同。"""
        package = self.folder / f"gate-{version}.pkg"
        package.write_bytes(f"release {version}\n".encode() * 100)
        asked = {"PACKAGE_PATH": str(package), "REQUEST_TIMEOUT": self.seconds, "VERSION_NUMBER": version}
        return PARAMS | asked

    def deploy(self, max_parallel: int = 16) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """部署到全部工作站，问什么都同意；返回结局与计划之后的各个问题。"""
        control = {"execution_strategy": self.strategy, "max_parallel": max_parallel, "ask_after": len(self.ips)}
        found = self.desk.say({"params": self.params(VERSION), "control": control})
        assert found.get("ask") == "approve_plan", found
        asked = []
        while (found := self.desk.answer("approve")).get("ask"):
            asked.append(found)
        return found, asked

    def publish_each(self, versions: Sequence[str]) -> None:
        """每个版本各走一遍全局的六步，同时走几个；有一步没有做成就抛出来。"""

        def publish(version: str) -> None:
            """一个版本。"""
            services = self.desk.services
            request = RunRequest(
                params=self.params(version),
                execution_strategy=self.strategy,
                run_id=f"v{version}",
                home=self.folder,
                environment=services.settings.params(),
            )
            register(services.ledger, request)
            state = services.drive(f"v{version}", run_global)
            assert state.completed_global_steps == list(GLOBAL_ACTION_SEQUENCE)

        self.desk.services.ledger.list_runs()  # 先打开，免得几个线程一起头一次打开
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(publish, versions))

    def effects(self) -> Counter[tuple[str | None, str]]:
        """每个效果真的发生了几次。"""
        return Counter((row["ip"], row["action"]) for row in self.lab.journal())

    @property
    def spoiled(self) -> int:
        """弄坏了几个应答。"""
        return sum(proxy.used for proxy in (self.home, self.node, self.mcp))

    def told(self, what: str, asked: int) -> None:
        """印出数字。"""
        print(f"{self.hop}：{what}，弄坏 {self.spoiled} 个应答，效果 {len(self.lab.journal())} 个，问人 {asked} 次")  # noqa: T201  数目要让人看见
