"""用系统装的 Chromium 打开一个本地文件（Playwright；附加依赖 ``pictures``）：看它请求了什么、控制台里说了什么。"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")


@dataclass(slots=True)
class Visit:
    """打开着的一页；``requests`` 是它请求过的地址，``problems`` 是控制台里的话与没有接住的错误。"""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """开始记；要在打开之前。"""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))


def find_chromium() -> str | None:
    """返回浏览器的路径；没有装为 ``None``。"""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """一个全新的浏览器；离开时连同子进程一起结束。

    Raises:
        FileNotFoundError: 没有装 Chromium。

    """
    program = find_chromium()
    if program is None:
        raise FileNotFoundError("没有找到 Chromium；Debian、Ubuntu 请执行 apt install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_page(
    path: Path, *, width: int = 1280, scripts: bool = True, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """用一个全新的浏览器打开本地文件；离开时连同子进程一起结束。

    Args:
        path: HTML 文件，绝对路径。
        width: 窗口宽度，CSS 像素。
        scripts: 为假时禁用页面里的脚本。
        scheme: 系统偏好浅色还是深色。

    Raises:
        FileNotFoundError: 没有装 Chromium。

    """
    with open_browser() as browser:
        window = ViewportSize(width=width, height=900)
        page = browser.new_page(viewport=window, java_script_enabled=scripts, color_scheme=scheme)
        visit = Visit(page)
        visit.listen()
        page.goto(path.as_uri())
        yield visit
