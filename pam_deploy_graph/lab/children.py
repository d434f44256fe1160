"""试验场的子进程：每个机场一个 MCP 服务 ``mcp-node``（contract 第 9 节 ``mcp_urls``）。

监听由试验场占好再交给子进程，所以地址立刻可知、重启不变，子进程没起好之前来的连接排队等着，
试验场的启动不必等它。子进程与试验场同属一个进程组，并守着一根管道：试验场没了（哪怕是 kill -9），它也就没了。
"""

import os
import socket
import subprocess
from contextlib import suppress
from typing import Final

from pam_deploy_graph.lab.helper import helper_command
from pam_deploy_graph.lab.server import url_of
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH
from pam_deploy_graph.settings import Settings

_STOP_SECONDS: Final = 5.0


class Children:
    """已启动的 MCP 服务。"""

    def __init__(self, token: str) -> None:
        """``token`` 由环境变量交给子进程，不进参数。"""
        self._env = Settings.child_environ() | {"PAM_TOKEN": token}
        self._started: list[tuple[subprocess.Popen[bytes], int]] = []

    def start(self, node_url: str, listener: socket.socket) -> str:
        """为一个 NODE 启动 MCP 服务，返回它的地址；``listener`` 归子进程所有。"""
        url = url_of(listener) + MCP_PATH
        number = listener.fileno()
        read, write = os.pipe()
        try:
            process = subprocess.Popen(
                helper_command("mcp-node", "--node-url", node_url, "--listener", str(number), "--with-parent"),
                stdin=read,
                stdout=subprocess.DEVNULL,
                env=self._env,
                pass_fds=(number,),
            )
        finally:
            os.close(read)
            listener.close()
        self._started.append((process, write))
        return url

    def stop(self) -> None:
        """结束全部子进程：放开管道，它们各自退出；不退出的就杀掉。"""
        for _, write in self._started:
            os.close(write)
        for process, _ in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()
            process.wait()
        self._started.clear()
