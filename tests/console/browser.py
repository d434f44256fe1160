"""不用浏览器的浏览器：登录、看页、交表单，都是真的 HTTP 应用。"""

import re
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from pam_deploy_graph.console.front_door import Front, FrontDoor
from pam_deploy_graph.console.hub import Hub
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.routing import build_app
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.settings import Settings
from tests.graph.desk import Desk

PROXY = "10.0.0.5"
HTML = {"accept": "text/html"}


class Site:
    """一间屋与它的应用。"""

    def __init__(self, home: Path, desk: Desk, given: dict[str, str]) -> None:
        """``given`` 是另给的设置。"""
        self.desk = desk
        self.room = Room(home, Settings(**given))
        self.room.services.given_router = desk.fake
        desk.services.settings = self.room.settings
        if given:  # 桌上的事也是一个有权的人做的
            desk.services.given_actor = Actor("登录用户 wang", "wang", "web")
        self.hub = Hub(self.room)
        self.app = build_app(self.room, self.hub, ["testserver", "127.0.0.1"])

    @property
    def run_id(self) -> str:
        """桌上的那次运行。"""
        return str(self.desk.values()["run_id"])

    def browser(self) -> "Browser":
        """还没有登录的浏览器。"""
        return Browser(self)

    def enter(self, name: str = "", password: str = "") -> "Browser":
        """登录了的浏览器。"""
        found = Browser(self)
        found.login(name, password or self.room.entry_key)
        return found

    def close(self) -> None:
        """关上。"""
        self.room.close()


class Browser:
    """一个人的浏览器。"""

    def __init__(self, site: Site, front: Front | None = None, peer: str = PROXY) -> None:
        """还没有登录；``front`` 给了就在代理后面，连过来的是 ``peer``。"""
        self.site = site
        app, base = (FrontDoor(site.app, front), "https://testserver") if front else (site.app, "http://testserver")
        self.client = TestClient(app, base, follow_redirects=False, client=(peer, 1))

    def login(self, name: str, password: str, **headers: str) -> Any:
        """交登录的表单。"""
        given = {"name": name, "password": password, "next": "/"}
        found: Any = self.client.post("/login", data=given, headers=headers)
        return found

    def get(self, path: str, **headers: str) -> Any:
        """看一页。"""
        found: Any = self.client.get(path, headers=HTML | headers)
        return found

    def page(self, path: str) -> str:
        """看一页，要看得成。"""
        found = self.get(path)
        assert found.status_code == 200, found.text
        return str(found.text)

    def post(self, path: str, given: dict[str, Any], *, token: str | None = None, **headers: str) -> Any:
        """交一张表单；令牌不给就用页面上的。"""
        known = self.token() if token is None else token
        found: Any = self.client.post(path, data=given | {"token": known}, headers=headers)
        return found

    def token(self) -> str:
        """页面上的表单令牌。"""
        found = re.search(r'name="token" value="(\w+)"', self.page("/people"))
        assert found
        return found[1]

    def shown(self, run_id: str) -> list[str]:
        """卡片上给人看的各个对象与摘要。"""
        return re.findall(r'name="shown" value="([^"]+)"', self.page(f"/decide/{run_id}/-"))

    def decide(self, decision: str, shown: list[str] | None = None, **given: str) -> Any:
        """照卡片答。"""
        run_id = self.site.run_id
        return self.post(f"/decide/{run_id}", {"decision": decision, "shown": shown or self.shown(run_id), **given})
