"""测试用的最小 PAM 客户端：标准库直接发真实的 HTTP。"""

import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from pam_deploy_graph.lab.launcher import LabProcess

MODULE = {"app": "checkin", "module": "gate"}
PACKAGE = b"release 1.2.3\n" * 100
HASH = hashlib.sha256(PACKAGE).hexdigest()


def version(number: str = "1.2.3") -> dict[str, str]:
    """一个版本的请求正文。"""
    return {**MODULE, "version": number}


@dataclass
class Answer:
    """一个应答。"""

    status: int
    text: str
    allow: str = ""
    retry_after: str = ""

    def json(self) -> Any:
        """JSON 正文。"""
        return json.loads(self.text)

    @property
    def error(self) -> str:
        """出错的原因。"""
        return str(self.json()["error"])


@dataclass
class Api:
    """对着一个试验场发请求；没有给出幂等键的修改同属一次运行，各用一个新键。"""

    lab: LabProcess
    airport: str = "PEK"
    timeout: float = 10.0
    keys: Iterator[int] = field(default_factory=count)

    def home(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """请求 HOME。"""
        return self.request(self.lab.home_url, method, path, body, **options)

    def node(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """请求 NODE。"""
        return self.request(self.lab.node_url(self.airport), method, path, body, **options)

    def act(self, ip: str, order: str, body: Any = None, **options: Any) -> Answer:
        """让一台工作站做一个动作；默认针对 checkin/gate 1.2.3。"""
        default = {**MODULE, "stop_first": True} if order == "rollback" else version()
        return self.node("POST", f"/api/workstations/{ip}/{order}", body or default, **options)

    def request(
        self,
        base: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """发一个请求；``headers`` 里的空串表示去掉那个头。"""
        sent = {"Authorization": f"Bearer {self.lab.token}", "Idempotency-Key": key or f"api.0:{next(self.keys)}"}
        sent = {name: value for name, value in (sent | (headers or {})).items() if value}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        where = urlsplit(base)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=timeout or self.timeout)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            allow, later = (response.headers.get(name, "") for name in ("Allow", "Retry-After"))
            return Answer(response.status, response.read().decode(), allow, later)
        finally:
            connection.close()

    def upload(self, number: str = "1.2.3", content: bytes = PACKAGE, **options: Any) -> Answer:
        """上传一个安装包。"""
        return self.home("PUT", f"/api/packages/checkin/gate/{number}", content, **options)

    def release(self, number: str = "1.2.3", content: bytes = PACKAGE) -> str:
        """上传、发布、同步一个版本，返回散列。"""
        digest = hashlib.sha256(content).hexdigest()
        ref = {**version(number), "hash": digest}
        for answer in (
            self.upload(number, content),
            self.home("POST", "/api/versions", ref),
            self.node("POST", "/api/sync", ref),
        ):
            assert answer.status == 200, answer.text
        return digest

    def replace(self, ip: str, number: str = "1.2.3") -> None:
        """停止、部署、启动一个版本。"""
        for order in ("stop", "deploy", "start"):
            answer = self.act(ip, order, version(number))
            assert answer.status == 200, answer.text

    def state(self, ip: str) -> tuple[bool, str | None, str | None]:
        """一台工作站真实的 (运行, 版本, 上一个版本)。"""
        row = next(row for row in self.lab.workstations(self.airport) if row["ip"] == ip)
        return row["running"], row["version"], row["previous_version"]

    def effects(self, key: str) -> list[str]:
        """一个幂等键的全部效果。"""
        return [row["action"] for row in self.lab.journal() if row["key"] == key]
