"""把试验场当作子进程用：测试和 ``demo``、``chat --lab`` 的入口。"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from pam_deploy_graph.errors import InvalidInputError, PamError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.settings import Settings

_REQUEST_SECONDS = 30.0


class LabProcess:
    """一个试验场子进程；用作上下文管理器，离开时停掉它和它的子进程。

    ``state`` 给出时状态留在那里，停掉或杀掉之后再开一个就接着用；``info`` 是它打印的那一行。
    令牌总是新生成的：本进程的秘密一样也不带给它。
    """

    def __init__(
        self,
        *,
        airports: Sequence[str] = ("PEK",),
        workstations: int = 8,
        port: int = 0,
        state: Path | None = None,
        latency: float = 0.0,
        installed: Sequence[str] = ("checkin/gate=1.2.2",),
        faults: Sequence[str] = (),
    ) -> None:
        """启动并等它听起来；参数同 ``lab`` 命令（contract 第 9 节），``latency`` 单位为秒。

        Raises:
            PamError: 它没有启动起来，消息说明原因。

        """
        options = [
            *(part for code in airports for part in ("--airport", code)),
            *("--workstations", str(workstations), "--port", str(port), "--latency", str(latency)),
            *(("--state", str(state)) if state else ()),
            *(part for one in installed for part in ("--installed", one)),
            *(part for spec in faults for part in ("--fault", spec)),
        ]
        self._helper = Helper(helper_command("lab", *options), env=Settings.child_environ())
        self.info: dict[str, Any] = self._helper.info
        # 回环地址不走代理。
        self._opener = build_opener(ProxyHandler({}))

    @property
    def token(self) -> str:
        """PAM 令牌。"""
        return str(self.info["token"])

    @property
    def home_url(self) -> str:
        """HOME 的地址。"""
        return str(self.info["home_url"])

    @property
    def pid(self) -> int:
        """试验场的进程号。"""
        return self._helper.process.pid

    def node_url(self, airport: str = "PEK") -> str:
        """一个机场的 NODE 的地址。"""
        return str(self.info["node_urls"][airport])

    def journal(self) -> list[dict[str, Any]]:
        """真的发生过的每个效果。"""
        rows: list[dict[str, Any]] = self._admin("GET", "/lab/journal")
        return rows

    def workstations(self, airport: str = "") -> list[dict[str, Any]]:
        """每台工作站的真实情况；默认所有机场。"""
        rows: list[dict[str, Any]] = self._admin("GET", f"/lab/workstations?airport={airport}")
        return rows

    def add_fault(self, spec: str) -> None:
        """打开一个故障：``IP:ACTION:KIND[:TIMES]``。"""
        self._admin("POST", "/lab/faults", {"spec": spec})

    def clear_faults(self) -> None:
        """关掉全部故障。"""
        self._admin("DELETE", "/lab/faults")

    def set_online(self, ip: str, *, online: bool) -> None:
        """让一台工作站上线或离线。"""
        self._admin("PUT", f"/lab/workstations/{ip}", {"online": online})

    def stop(self) -> int:
        """正常停掉，返回退出码；可以重复调用。"""
        return self._helper.stop()

    def kill(self) -> int:
        """kill -9，状态目录留在原处；返回退出码。"""
        return self._helper.kill()

    def wait(self, seconds: float = 10.0) -> int:
        """等它自己结束（例如故障 ``crash``），返回退出码。"""
        return self._helper.process.wait(seconds)

    def __enter__(self) -> Self:
        """已经启动好了。"""
        return self

    def __exit__(self, *_: object) -> None:
        """停掉它。"""
        self.stop()

    def _admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """调用管理接口，返回 JSON。"""
        request = Request(  # noqa: S310 —— 地址是试验场自己报的回环地址
            self.home_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=_REQUEST_SECONDS) as response:
                return json.load(response)
        except HTTPError as error:
            with error:
                raise InvalidInputError(str(json.load(error).get("error", error.reason))) from None
        except OSError as error:
            raise PamError(
                tr("试验场没有答复 {method} {path}：{error}", method=method, path=path, error=error)
            ) from None
