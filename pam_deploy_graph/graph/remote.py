"""经 LangGraph 服务器使用同一张图：一个会话，说一句话，回答一个问题（architecture「不止一台机器」）。

回答之前先核对问题还开着，并且不排队：同一个问题两个人同时答，一个作数，另一个得到明白的错误。
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import httpx
from langgraph_sdk.client import SyncLangGraphClient

from pam_deploy_graph.errors import ConfirmationError, InvalidInputError, PamError, ServerError
from pam_deploy_graph.graph.acting import SPOKEN
from pam_deploy_graph.i18n import language, tr
from pam_deploy_graph.protocol.outcome import BUSY
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.http_client import http_client
from pam_deploy_graph.system.tls import TlsFiles, certificate_problem

GRAPH: Final = "pam_deploy"
_NAMED_SECONDS: Final = 2.0
_MOST_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Question:
    """一个还开着的问题；``value`` 是图的中断内容。"""

    id: str
    value: dict[str, Any]


def _client(url: str, api_key: str | None, seconds: float, tls: TlsFiles) -> SyncLangGraphClient:
    """SDK 的客户端，像它自己建的那样，另照站点的证书；不经代理，不从环境取密钥。"""
    return SyncLangGraphClient(http_client(url, {"x-api-key": api_key} if api_key else {}, seconds, tls))


class ServerThread:
    """服务器上的一个会话；用作上下文管理器，离开时断开，会话留在服务器上。"""

    def __init__(
        self,
        url: str,
        *,
        thread_id: str = "",
        graph: str = GRAPH,
        api_key: str | None = None,
        seconds: float = 600,
        tls: TlsFiles | None = None,
        new: bool = False,
    ) -> None:
        """连上服务器。

        Args:
            url: 服务器的地址。
            thread_id: 已有的会话；空串则新开一个。
            graph: ``langgraph.json`` 里的图名。
            api_key: 服务器要求的密钥；不给就不带。
            seconds: 一步最多等多少秒。
            tls: 站点的 CA 与客户端证书；不给取自 ``Settings``。
            new: ``thread_id`` 的会话没有就开一个。

        Raises:
            ServerError: 服务器连不上。
            InvalidInputError: 没有这个会话，或证书的文件用不了。

        """
        self._url, self._graph = url, graph
        self._client = _client(url, api_key, seconds, tls or Settings().tls())
        try:
            with self._told(thread_id):
                known = thread_id and not new
                found = self._client.threads.get(thread_id) if known else self._create(thread_id)
        except BaseException:
            self.close()
            raise
        self.thread_id = str(found["thread_id"])

    def _create(self, thread_id: str) -> Any:
        """开一个会话；已经有了的就是它。"""
        if not thread_id:
            return self._client.threads.create()
        return self._client.threads.create(thread_id=thread_id, if_exists="do_nothing")

    def close(self) -> None:
        """断开。"""
        self._client.close()

    def __enter__(self) -> Self:
        """已经连上了。"""
        return self

    def __exit__(self, *_: object) -> None:
        """断开。"""
        self.close()

    def say(self, text: str) -> list[Question]:
        """说一句话，等它停下；返回还开着的问题。"""
        return self.start({"messages": [{"role": "user", "content": text}]})

    def start(self, given: Mapping[str, Any]) -> list[Question]:
        """以现成的输入（``params`` 与 ``control``）开始，等它停下。

        Raises:
            ConfirmationError: 还有问题等着回答，或正忙着；会话如前。

        """
        if pending := self.questions():
            raise ConfirmationError(
                tr(
                    "会话 {thread_id} 还等着回答 {ask}，先回答它",
                    thread_id=self.thread_id,
                    ask=pending[0].value.get("ask"),
                )
            )
        return self._run(lambda run: run(input=dict(given)))

    def questions(self) -> list[Question]:
        """还开着的问题。"""
        with self._told(self.thread_id):
            tasks: Any = self._client.threads.get_state(self.thread_id)["tasks"]
        return [Question(one["id"], one["value"]) for task in tasks for one in task.get("interrupts") or []]

    def answer(self, question: Question, value: Any) -> list[Question]:
        """回答一个问题，等它再停下。

        Args:
            question: ``questions`` 给出的问题。
            value: 回答，各种写法见 ``questions.read_decisions``；附上 ``operator`` 就记在那个人名下。

        Returns:
            还开着的问题；回答看不懂时还是原来那一个，``problem`` 说明原因。

        Raises:
            ConfirmationError: 问题已经不再开着，或别人的回答正在执行；会话如前，消息说是谁先决定了什么。
            InvalidInputError: 会话已经不在。
            ServerError: 服务器连不上，或图出了错。

        """
        if question.id not in {one.id for one in self.questions()}:
            raise self._late(question)
        runs: list[str] = []
        resume = {
            "command": {"resume": {question.id: value}},
            "on_run_created": lambda made: runs.append(made["run_id"]),
        }
        try:
            pending = self._run(lambda run: run(**resume))
        except ConfirmationError:
            raise self._late(question) from None
        if not self._wrote(runs[0]):
            raise self._late(question)
        return pending

    def submit(self, *, queue: bool = False, **given: Any) -> str:
        """交一步给服务器去做，不等它；返回服务器给它的名字。

        ``given`` 是 ``input`` 或 ``command``；``queue`` 为真时排在正做着的后面，否则正忙着就不收。

        Raises:
            ConfirmationError: 会话正忙着，没有收下。
            ServerError: 服务器连不上。

        """
        with self._told(self.thread_id):
            when: Any = "enqueue" if queue else "reject"
            made = self._client.runs.create(
                self.thread_id, self._graph, multitask_strategy=when, durability="sync", **_spoken(given)
            )
        return str(made["run_id"])

    def at_work(self) -> list[str]:
        """服务器正做着、排着的各步。"""
        with self._told(self.thread_id):
            found = self._client.runs.list(self.thread_id, limit=_MOST_STEPS)
        return [str(one["run_id"]) for one in found if one["status"] in ("pending", "running")]

    def untouched(self) -> bool:
        """服务器还没有在这个会话里做过什么。"""
        with self._told(self.thread_id):
            return not self._client.runs.list(self.thread_id, limit=1)

    def interrupt(self) -> None:
        """要服务器放下正做着的：进行中的做完，不再开新的。"""
        for step in self.at_work():
            with self._told(self.thread_id):
                self._client.runs.cancel(self.thread_id, step, action="interrupt")

    def failure(self, step: str) -> tuple[str, str]:
        """一步出了错的，返回错误的种类与消息；没有出错都为空串。"""
        with self._told(self.thread_id):
            out: Any = self._client.runs.join(self.thread_id, step)
        told = out.get("__error__") if isinstance(out, dict) else None
        return (str(told.get("error") or ""), str(told.get("message") or "")) if told else ("", "")

    def _wrote(self, server_run: str) -> bool:
        """服务器上的这一次执行有没有留下检查点：核对之后、送到之前问题被人答掉的，服务器一声不吭，什么也不做。"""
        with self._told(self.thread_id):
            return bool(self._client.threads.get_history(self.thread_id, limit=1, metadata={"run_id": server_run}))

    def _late(self, question: Question) -> ConfirmationError:
        """问题已经有人答了；说出是谁决定了什么，他的回答刚开始执行时稍等片刻。"""
        digests = {one.get("digest") for one in [question.value, *question.value.get("waiting", [])]} - {None}
        deadline = time.monotonic() + (_NAMED_SECONDS if digests else 0)
        while True:
            decided = self.values().get("decided") or {}
            who = {
                tr("{operator} 决定了 {decision}", operator=one["operator"], decision=one["decision"])
                for key, one in decided.items()
                if key in digests
            }
            if who or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        first = tr("、").join(sorted(who)) or tr("已经有人回答过了")
        return ConfirmationError(tr("问题 {ask}：{first}，这一次不再作数", ask=question.value.get("ask"), first=first))

    def values(self) -> dict[str, Any]:
        """会话的状态。"""
        with self._told(self.thread_id):
            found: Any = self._client.threads.get_state(self.thread_id)["values"]
        return dict(found)

    def _run(self, go: Callable[[Callable[..., Any]], Any]) -> list[Question]:
        """跑一步；正忙着就被拒绝，不排队。"""

        def run(**given: Any) -> Any:
            """提交并等它停下。"""
            return self._client.runs.wait(
                self.thread_id,
                self._graph,
                multitask_strategy="reject",
                raise_error=False,
                durability="sync",
                **_spoken(given),
            )

        with self._told(self.thread_id):
            out = go(run)
        if isinstance(out, dict) and (error := out.get("__error__")):
            why = error.get("message") or error.get("error")
            raise ServerError(tr("服务器上的运行出错：{why}；记下了的决定照样作数，先看会话还问着什么", why=why))
        return self.questions()

    @contextmanager
    def _told(self, thread_id: str) -> Iterator[None]:
        """把 SDK 的错误换成写给人看的。"""
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise self._refused(thread_id, error.response.status_code) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = certificate_problem(error) or str(error) or type(error).__name__
            raise ServerError(
                tr("服务器 {url} 连不上：{why}；没有送到，会话不受影响", url=self._url, why=why)
            ) from None
        except httpx.TransportError as error:
            raise self._unknown(tr("断了：{error}", error=str(error) or type(error).__name__)) from None

    def _refused(self, thread_id: str, status: int) -> PamError:
        """按 HTTP 状态说明服务器为什么不答应。"""
        if status == HTTPStatus.CONFLICT:
            return ConfirmationError(
                tr("会话 {thread_id} 正在执行别人的回答，这一次不作数；稍后再看", thread_id=thread_id)
            )
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY):
            return InvalidInputError(
                tr(
                    "{url} 上没有会话 {thread_id} 或图 {graph}",
                    url=self._url,
                    thread_id=thread_id or tr("（新）"),
                    graph=self._graph,
                )
            )
        if status in BUSY:
            return ServerError(
                tr("服务器 {url} 正忙，没有收下（HTTP {status}）；稍后再来", url=self._url, status=status)
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # 也许是它前面的代理等不及了
            return self._unknown(tr("回答 HTTP {status}", status=status))
        return ServerError(tr("服务器 {url} 拒绝了：HTTP {status}", url=self._url, status=status))

    def _unknown(self, what: str) -> ServerError:
        """送出去了，收没收下不知道。"""
        return ServerError(
            tr("服务器 {url} {what}；送去的也许已经作数，先看会话还问着什么，不要当作没有送", url=self._url, what=what)
        )


def _spoken(given: dict[str, Any]) -> dict[str, Any]:
    """连同要用哪种语言说。"""
    config = dict(given.get("config") or {})
    return given | {"config": config | {"configurable": {SPOKEN: language()} | config.get("configurable", {})}}
