"""把试验场装起来并一直服务到收到信号（contract 第 9 节）。"""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from starlette.routing import Route

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.admin import Admin
from pam_deploy_graph.lab.children import Children
from pam_deploy_graph.lab.config import LabConfig
from pam_deploy_graph.lab.faults import FaultBoard
from pam_deploy_graph.lab.fleet import Fleet
from pam_deploy_graph.lab.home import Home
from pam_deploy_graph.lab.idempotency import Once
from pam_deploy_graph.lab.no_answer import AbortableProtocol
from pam_deploy_graph.lab.node import Node
from pam_deploy_graph.lab.probe import ProbeClient, probe_app
from pam_deploy_graph.lab.server import protocol_app, serving, url_of
from pam_deploy_graph.lab.state_folder import StateDir
from pam_deploy_graph.lab.sync import Puller
from pam_deploy_graph.lab.workstation_actions import Workshop
from pam_deploy_graph.system.http_server import QuietServer
from pam_deploy_graph.system.parent_watch import when_parent_ends

_PROBE_SECONDS = 10.0


async def run_lab(config: LabConfig, token: str, state_path: Path, *, with_parent: bool = False) -> None:
    """装起试验场，全部听起来之后打印一行 JSON，服务到 SIGTERM 或 SIGINT。

    Args:
        config: 检查过的配置。
        token: 环境给出的 PAM 令牌；空串则用上次的，或者新生成。
        state_path: 状态目录，绝对路径。
        with_parent: 标准输入关闭（父进程没了）也停下。

    Raises:
        InvalidInputError: 状态目录被占用、端口被占用，或故障指着不存在的工作站。

    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if with_parent:  # 信号已经接管：临时状态目录也照常删
        when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    os.umask(0o077)
    async with AsyncExitStack() as stack:
        state = StateDir(state_path)
        stack.callback(state.close)
        lab = _Lab(config, state, token)
        await lab.open(stack)
        children = Children(lab.token)
        stack.callback(children.stop)
        for code, node_url in lab.home.node_urls.items():
            lab.home.mcp_urls[code] = children.start(node_url, state.listen(f"mcp:{code}"))
        line = lab.describe()
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        await stop.wait()
        lab.hang_up()


class _Lab:
    """一个装好的试验场。"""

    def __init__(self, config: LabConfig, state: StateDir, token: str) -> None:
        """备好令牌、出厂内容和工作站；还没有听。"""
        self._config = config
        self._state = state
        self._nodes: list[Node] = []
        self.token = state.token(token)
        self._fleets = {code: Fleet(code, state.path, state.store) for code in config.airports}
        for airport, releases in state.seed(config.installed, config.airports).items():
            self._fleets[airport].build(config.workstations, releases)
        for fault in config.faults:
            if not any(fault.ip in fleet for fleet in self._fleets.values()):
                raise InvalidInputError(tr("选项 --fault 里的工作站 {ip} 不在试验场里", ip=fault.ip))
        self._faults = FaultBoard(config.faults)
        self._once = Once(state.store)
        self.home = Home(state.store, state.home_packages, self._once)

    async def open(self, stack: AsyncExitStack) -> None:
        """补做上次没做完的动作，然后让 HOME、各 NODE 和探针都听起来。"""
        state, port = self._state, self._config.port
        home_listener = state.listen("home", port, strict=True)
        listeners = {
            code: state.listen(code, port + number if port else 0) for number, code in enumerate(self._fleets, start=1)
        }
        probe_listener = state.listen("probe")
        self.home_url = url_of(home_listener)
        self.home.node_urls = {code: url_of(listener) for code, listener in listeners.items()}
        pull = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}))
        ask = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=_PROBE_SECONDS, sock_read=_PROBE_SECONDS))
        )
        probe = ProbeClient(ask, url_of(probe_listener))
        servers = [
            QuietServer(protocol_app(self._home_routes(), self.token), AbortableProtocol, home_listener),
            QuietServer(probe_app(self._fleets), AbortableProtocol, probe_listener),
        ]
        for code, listener in listeners.items():
            node = self._node(code, probe, pull)
            servers.append(QuietServer(protocol_app(node.routes(), self.token), AbortableProtocol, listener))
        await stack.enter_async_context(serving(servers))

    def describe(self) -> dict[str, object]:
        """打印给启动者的那一行。"""
        mcp_urls = dict(self.home.mcp_urls)
        return {
            "home_url": self.home_url,
            "node_urls": dict(self.home.node_urls),
            "mcp_urls": mcp_urls,
            "mcp_url": mcp_urls.get(self._config.airports[0], ""),
            "token": self.token,
            "state_dir": str(self._state.path),
        }

    def hang_up(self) -> None:
        """断开挂起的请求，好让服务立刻停下。"""
        for node in self._nodes:
            node.closing.set()

    def _home_routes(self) -> list[Route]:
        """HOME 的协议地址，加上试验场的管理接口。"""
        return [*self.home.routes(), *Admin(self._state.store, self._fleets, self._faults).routes()]

    def _node(self, airport: str, probe: ProbeClient, session: aiohttp.ClientSession) -> Node:
        """组装一个机场的 NODE，并补做它没做完的动作。"""
        store, folder = self._state.store, self._state.node_packages(airport)
        workshop = Workshop(self._fleets[airport], store, folder, probe)
        workshop.recover()
        puller = Puller(airport, store, folder, session, self.home_url)
        node = Node(workshop, puller, self._once, self._faults, self._config.latency)
        self._nodes.append(node)
        return node
