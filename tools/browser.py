"""无界面的 Chromium：打开一个本地文件，执行脚本，看它请求了什么，拍下整页。

只用浏览器自己的 DevTools 协议，不需要别的驱动。
"""

import asyncio
import base64
import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_LISTENING: Final = re.compile(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_START_SECONDS: Final = 30.0
_PROBLEMS: Final = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


def find_chromium() -> str | None:
    """返回浏览器的路径；没有装为 ``None``。"""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Page:
    """打开着的一页；``requests`` 是它请求过的地址，``problems`` 是控制台里的错误与违反策略之处。"""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """由 ``open_page`` 创建。"""
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        self.problems: list[str] = []

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """发一条 DevTools 命令，等它的回答。"""
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await self._answers[number]

    async def listen(self) -> None:
        """接收回答与事件，直到连接关闭。"""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers[said["id"]].set_result(said.get("result", said))
            elif said["method"] == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            elif said["method"] in _PROBLEMS:
                self.problems.append(str(said["params"]))
            elif said["method"] == "Page.loadEventFired":
                self._loaded.set()

    async def go(self, address: str) -> None:
        """打开一个地址，等它载入。"""
        self._loaded.clear()
        await self.send("Page.navigate", url=address)
        await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """在页面里求一个表达式的值；等它兑现。"""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def resize(self, width: int, height: int = 900) -> None:
        """改窗口大小，单位为 CSS 像素。"""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def prefer(self, scheme: str) -> None:
        """系统偏好 ``light`` 或 ``dark``。"""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.send("Emulation.setEmulatedMedia", features=features)

    async def picture(self, height: int | None = None) -> bytes:
        """从页首拍下 ``height`` 像素高，不给就是整页；返回 PNG。"""
        size = await self.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": height or size[1], "scale": 1}
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])


@contextlib.asynccontextmanager
async def open_page(path: Path, *, width: int = 1280, scripts: bool = True) -> AsyncIterator[Page]:
    """用一个全新的浏览器打开本地文件；离开时连同子进程一起结束。

    Args:
        path: HTML 文件，绝对路径。
        width: 窗口宽度，CSS 像素。
        scripts: 为假时禁用页面里的脚本。

    Raises:
        FileNotFoundError: 没有装 Chromium。

    """
    async with _browser() as port, aiohttp.ClientSession(trust_env=False) as client:
        async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
            target = next(one for one in await answer.json() if one["type"] == "page")
        async with client.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            for domain in ("Page", "Network", "Log", "Runtime"):
                await page.send(f"{domain}.enable")
            await page.send("Emulation.setScriptExecutionDisabled", value=not scripts)
            await page.resize(width)
            await page.go(path.as_uri())
            yield page
            listening.cancel()


@contextlib.asynccontextmanager
async def _browser() -> AsyncIterator[int]:
    """启动浏览器，给出 DevTools 的端口。"""
    program = find_chromium()
    if program is None:
        raise FileNotFoundError("没有找到 Chromium；Debian、Ubuntu 请执行 apt install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        said = process.stderr or asyncio.StreamReader()
        try:
            port = await asyncio.wait_for(_port(said), _START_SECONDS)
            draining = asyncio.create_task(_drain(said))
            yield port
            draining.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _port(said: asyncio.StreamReader) -> int:
    """等浏览器在标准错误里说出端口号。

    Raises:
        RuntimeError: 浏览器没有启动起来。

    """
    async for line in said:
        if found := _LISTENING.search(line.decode(errors="replace")):
            return int(found[1])
    raise RuntimeError("Chromium 没有启动起来；请在终端里运行 chromium --headless 看原因")


async def _drain(said: asyncio.StreamReader) -> None:
    """把后面的话读掉，免得管道写满。"""
    async for _ in said:
        pass
