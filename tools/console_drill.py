"""开一个演练用的控制台（``web --lab``），在真的浏览器里登录、提出、决定：拍图与浏览器里的测试共用。"""

import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize

_ACCOUNT: Final = re.compile(r"演练账户 (\w+).*口令 (\S+)")
_VERSION: Final = re.compile(r"HOME 里有 ([\d.]+)。")
_URL: Final = re.compile(r"控制台在 (\S+)")
_READY_SECONDS: Final = 120.0


@dataclass
class Drill:
    """开着的演练；``passwords`` 是各账户的口令，``version`` 是 HOME 里的新版本。"""

    home: Path
    url: str = ""
    version: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None

    def start(self, *options: str) -> None:
        """开起来，读它写出的账户与地址。"""
        command = [sys.executable, "-m", "pam_deploy_graph", "web", "--port", "0", "--home", str(self.home), *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + _READY_SECONDS
        for line in self.process.stderr or ():
            if found := _ACCOUNT.search(line):
                self.passwords[found[1]] = found[2]
            if found := _VERSION.search(line):
                self.version = found[1]
            if found := _URL.search(line):
                self.url = found[1]
                return
            if time.monotonic() > until:
                break
        raise RuntimeError("控制台没有开起来")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """停掉；``SIGKILL`` 是当场杀掉。"""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(60)
            if self.process.stderr:
                self.process.stderr.close()

    def login(self, page: Page, name: str) -> Page:
        """登录。"""
        page.goto(f"{self.url}login")
        page.fill("[name=name]", name)
        page.fill("[name=password]", self.passwords[name])
        page.click("main button")
        return page

    def request(self, page: Page) -> str:
        """用一句话提出，提交；返回运行名。"""
        page.goto(f"{self.url}ask")
        sentence = f"把首都机场的 checkin 应用 gate 模块升级到 {self.version}，先灰度 2 台，每批 5 台，2 台失败再问我"
        page.fill("[name=text]", sentence)
        page.click("[value=hear]")
        page.click("[value=submit]")
        page.wait_for_url("**/runs/*")
        return str(page.url).rpartition("/")[2]

    def answer(self, page: Page, run_id: str, decision: str) -> int:
        """等到卡片，照它答，直到有记下的（点的那一刻卡片变了就不记，再看再答）；返回记下几项。"""
        until = time.monotonic() + _READY_SECONDS
        while time.monotonic() < until:
            page.goto(f"{self.url}decide/{run_id}/-")
            button = page.locator(f"button[value={decision}]").first
            if button.count():
                button.click()
                if recorded := int(page.locator(".words").get_attribute("data-recorded") or 0):
                    return recorded
            page.wait_for_timeout(500)
        raise RuntimeError("没有等到卡片")


def new_page(
    browser: Browser, *, width: int = 1440, scheme: Literal["light", "dark"] = "light", locale: str = "zh-CN"
) -> Page:
    """一个人的浏览器里的一页：没有别人的登录。"""
    height = 900 if width > 600 else 844  # noqa: PLR2004  电话的窗口高一些
    return browser.new_context(
        viewport=ViewportSize(width=width, height=height), color_scheme=scheme, locale=locale
    ).new_page()
