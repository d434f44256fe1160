"""``RunAccess`` 的客户端：经服务器上的路由（``server_routes``）看、作决定；不要数据库，也不要 PAM 的令牌。"""

from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from pam_deploy_graph import errors
from pam_deploy_graph.errors import PamError, ServerError
from pam_deploy_graph.i18n import language, tr
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.bounded_http import PLAIN, AnswerTooBigError, bound
from pam_deploy_graph.system.http_client import http_client
from pam_deploy_graph.system.tls import certificate_problem

PREFIX: Final = "/pam"
_SECONDS: Final = 60.0
_WHOLE_SECONDS: Final = 300.0
_MOST_BYTES: Final = 256 << 20
"""一个应答至多这么大、读这么久；一万台的网页报告约几十 MiB。"""
_WRITES: Final = frozenset({"register", "settle", "cancel", "pause"})
"""送出去之后断了，作没作数不知道的。"""


class ServerRuns(RunAccess):
    """服务器上的运行；用作上下文管理器。"""

    def __init__(self, settings: Settings) -> None:
        """还没有连。

        Raises:
            InvalidInputError: 令牌不能去那个地址，或证书的文件用不了。

        """
        self.url, token = settings.pam_server.rstrip("/"), settings.server_token()
        said = {"accept-language": language()} | ({"authorization": f"Bearer {token}"} if token else {})
        self._client = http_client(self.url, {**PLAIN, **said}, _SECONDS, settings.tls())
        self._client.event_hooks["response"] = [bound(_WHOLE_SECONDS, _MOST_BYTES)]

    def __enter__(self) -> Self:
        """还没有连。"""
        return self

    def __exit__(self, *_: object) -> None:
        """断开。"""
        self._client.close()

    def call(self, name: str, **given: Any) -> Any:
        """问服务器一件。

        Raises:
            ServerError: 连不上、断了，或答的不是这个服务器的话。
            PamError: 服务器说的错误，原样。

        """
        try:
            answer = self._client.post(f"{PREFIX}/{name}", json=given)
            told = answer.json()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = certificate_problem(error) or str(error) or type(error).__name__
            raise ServerError(tr("服务器 {url} 连不上：{why}；什么也没有送到", url=self.url, why=why)) from None
        except (httpx.TransportError, AnswerTooBigError) as error:
            why = str(error) or type(error).__name__
            raise ServerError(
                tr("服务器 {url} 断了：{error}{more}", url=self.url, error=why, more=_maybe(name))
            ) from None
        except ValueError:
            told = None
        if answer.status_code == HTTPStatus.OK and isinstance(told, dict) and "result" in told:
            return told["result"]
        raise self._refused(name, answer.status_code, told)

    def _refused(self, name: str, status: int, told: Any) -> PamError:
        """服务器没有照做：它说了原因的照说；没有说的不知道作没作数（代理的网页），说出状态。"""
        said = told.get("message") if isinstance(told, dict) else ""
        if status == HTTPStatus.UNAUTHORIZED and (said or name not in _WRITES):
            why = said or tr("没有令牌")
            return ServerError(
                tr(
                    "服务器 {url} 不让进：{why}；客户端的令牌写在 PAM_SERVER_TOKEN_FILE 指的文件里",
                    url=self.url,
                    why=why,
                )
            )
        if isinstance(told, dict) and told.get("error"):
            return served_error(str(told["error"]), str(told.get("message")))
        more = _maybe(name)
        if status == HTTPStatus.NOT_FOUND:
            return ServerError(
                tr("{url} 上没有这些路由：它的 langgraph.json 要有 http.app，见 docs/cluster.md", url=self.url) + more
            )
        return ServerError(tr("服务器 {url} 答了 HTTP {status}，看不懂；稍后再来", url=self.url, status=status) + more)


def _maybe(name: str) -> str:
    """会记下什么的，没有听到它自己的答复，就不知道记下了没有；只是看的为空串。"""
    return tr("；送去的也许已经作数，再看一眼") if name in _WRITES else ""


def served_error(name: str, message: str) -> PamError:
    """把服务器说的错误还原成本项目的那一种；不认得的是 ``ServerError``。"""
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, PamError)):
        return ServerError(tr("服务器出了错：{name} {message}", name=name, message=message).strip())
    found = kind.__new__(kind)
    found.args = (message,)
    return found
