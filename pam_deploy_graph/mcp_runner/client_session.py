"""一个 MCP 会话：由一个专属的任务打开、守着、关上，别的任务只管调用。

会话里的取消范围属于打开它的那个任务，所以不能由随便哪个调用者来开关。
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint
from mcp import ClientSession, McpError
from mcp.types import CONNECTION_CLOSED, Implementation, ServerNotification, ToolListChangedNotification
from pydantic import ValidationError

from pam_deploy_graph import __version__
from pam_deploy_graph.constants import ACTIONS, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.http_wire import http_streams
from pam_deploy_graph.mcp_runner.messages import call_request, list_tools, refusal_of
from pam_deploy_graph.mcp_runner.reply import ToolAnswer
from pam_deploy_graph.mcp_runner.result import result_of
from pam_deploy_graph.mcp_runner.server_address import Target
from pam_deploy_graph.mcp_runner.stdio_wire import stdio_streams
from pam_deploy_graph.mcp_runner.tool_check import Accepts, arguments_of, fingerprint, fit
from pam_deploy_graph.system.task_group import first_error

# 库自己不往标准错误写日志；宿主配置了日志就照宿主的。
logging.getLogger("mcp").addHandler(logging.NullHandler())

_CLIENT: Final = Implementation(name="pam-deploy-graph", version=__version__)
_ROSTER: Final = ACTIONS["get-online-ips"]
_TICK_SECONDS: Final = 1.0
_SPARE_SECONDS: Final = 1.5
_IDLE_SECONDS: Final = 300.0


class Link:
    """一个会话；``closed`` 之后不再接新的调用，要用就另开一个。"""

    def __init__(self, target: Target, params: Mapping[str, str], limit: float) -> None:
        """开始打开会话（要有运行中的事件循环）。

        Args:
            target: 连哪个服务。
            params: 打开时的部署参数：核对服务属于 ``AIRPORT_CODE``，没有就不核对。
            limit: 打开的时限，秒。

        """
        self.accepts: dict[str, Accepts] = {}
        self.fingerprint = ""
        self.closed = False
        self._target, self._opened_for, self._limit = target, dict(params), limit
        # HTTP 一层自己守时限，这里只防万一；stdio 的时限就在这里。
        self._spare = _SPARE_SECONDS if target.url else 0.0
        self._calls: set[anyio.CancelScope] = set()
        self._fault = _closed()
        self._loop = asyncio.get_running_loop()
        self._used = self._loop.time()
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._task = self._loop.create_task(self._own(), name="mcp-link")

    async def opened(self, deadline: float) -> None:
        """等到会话打开、工具合用、机场相符；``deadline`` 是事件循环的时刻。

        Raises:
            McpFault: 打不开、不合用或没有等到；要做的动作肯定没有送出。

        """
        if not self._ready.done():
            await asyncio.wait([self._ready], timeout=deadline - self._loop.time())
        if not self._ready.done():
            raise _not_connected(self._limit)
        self._ready.result()

    async def call(
        self, action: str, params: Mapping[str, str], options: Mapping[str, Any], deadline: float
    ) -> ToolAnswer:
        """调用一个动作的工具，最迟等到 ``deadline``（事件循环的时刻）。

        ``params`` 是此刻的部署参数：计划批准之前还会改，会话不能记着打开时的那一份。

        Raises:
            McpFault: 没有得到可用的答复。

        """
        if self.closed:
            raise McpFault(str(self._fault), ScriptExit.NOT_TAKEN, gone=True)
        self._used = self._loop.time()
        arguments = arguments_of(ACTIONS[action], params, options, self.accepts[action])
        request = call_request(ACTIONS[action].tool_name, arguments, deadline - self._used)
        with anyio.CancelScope(deadline=deadline + self._spare) as scope:
            self._calls.add(scope)
            try:
                return await self._session.send_request(request, ToolAnswer)
            except McpFault as fault:
                if fault.gone or fault.status == HTTPStatus.NOT_FOUND:
                    self.retire()
                raise
            except McpError as error:
                raise self._meaning(error) from None
            except ValidationError:
                raise _malformed() from None
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                self.retire()
                raise McpFault(tr("MCP 会话中断"), ScriptExit.NOT_TAKEN, gone=True) from None
            finally:
                self._calls.discard(scope)
        if self._loop.time() < deadline:
            raise McpFault(str(self._fault), ScriptExit.UNKNOWN)
        raise McpFault(tr("MCP 服务没有在时限内答复"), ScriptExit.TIMEOUT)

    def retire(self) -> None:
        """不再接新的调用，进行中的做完就关。"""
        self.closed = True

    def shut(self) -> None:
        """马上关；任何线程都可以调用。"""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def wait_closed(self) -> None:
        """等它关完。"""
        await asyncio.wait([self._task])

    async def _own(self) -> None:
        """会话的一生：打开，守着，关上；怎么结束的都告诉等着的人。"""
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._limit) as scope:
                async with (
                    self._streams() as (read, write),
                    ClientSession(read, write, message_handler=self._hear, client_info=_CLIENT) as session,
                ):
                    self._session = session
                    await self._open()
                    scope.deadline = math.inf
                    self._fault = _closed()
                    self._ready.set_result(None)
                    await self._keep()
            if scope.cancelled_caught:
                self._fault = _not_connected(self._limit)
        except Exception as error:  # noqa: BLE001  会话里什么都可能抛出，常是一层层的异常组；归成一个原因
            self._fault = self._root(error)
        finally:
            self._end()

    def _streams(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        """按目标选择收发的方式。"""
        if self._target.command:
            return stdio_streams(self._target)
        return http_streams(self._target)

    async def _open(self) -> None:
        """握手，核对工具和机场。"""
        await self._session.initialize()
        tools = await list_tools(self._session)
        self.accepts, self.fingerprint = fit(tools), fingerprint(tools)
        if wanted := self._opened_for.get("AIRPORT_CODE"):
            await self._check_airport(wanted)

    async def _check_airport(self, wanted: str) -> None:
        """服务必须属于要部署的机场。"""
        answer = await self.call(_ROSTER.name, self._opened_for, {}, self._loop.time() + self._limit)
        result = result_of(_ROSTER.name, None, answer, self._target.token)
        if not result.ok:
            raise McpFault(
                tr("核对机场时失败：{error_summary}", error_summary=result.error_summary),
                ScriptExit(result.exit_code),
                later=result.retry_after,
            )
        theirs = result.values["AIRPORT_CODE"]
        if theirs != wanted:
            reason = tr(
                "MCP 服务 {target} 属于机场 {theirs}，要部署的是 {wanted}",
                target=self._target.name,
                theirs=theirs,
                wanted=wanted,
            )
            raise McpFault(reason, ScriptExit.REFUSED)

    async def _keep(self) -> None:
        """守到被关、服务换了工具或闲置太久；进行中的调用总是做完。"""
        while self._calls or not (self.closed or self._loop.time() - self._used > _IDLE_SECONDS):
            with anyio.move_on_after(_TICK_SECONDS):
                await self._stop.wait()
                break
        self.closed = True

    async def _hear(self, message: object) -> None:
        """服务主动送来的消息：工具变了就重开会话来核对；收发层说坏了就作废，握手之前的闲话只记下。"""
        await checkpoint()
        if isinstance(message, ServerNotification) and isinstance(message.root, ToolListChangedNotification):
            self.retire()
        elif isinstance(message, McpFault):
            self._fault = message
            if self._ready.done():
                self._abort()

    def _meaning(self, error: McpError) -> McpFault:
        """读懂一个 JSON-RPC 错误：是会话断了，还是服务自己答的。"""
        if error.error.code == CONNECTION_CLOSED:
            self.retire()
            return McpFault(str(self._fault), ScriptExit.UNKNOWN)
        return refusal_of(error)

    def _root(self, error: BaseException) -> McpFault:
        """把异常（常是一层层的异常组）归成一个原因。"""
        error = first_error(error)
        if isinstance(error, McpError):
            return self._meaning(error)
        if isinstance(error, ValidationError):
            return _malformed()
        if isinstance(error, McpFault):
            return error
        return McpFault(tr("MCP 会话出错：{kind}: {error}", kind=type(error).__name__, error=error), ScriptExit.UNKNOWN)

    def _abort(self) -> None:
        """放开进行中的调用，然后关。"""
        self.closed = True
        for scope in self._calls:
            scope.cancel()
        self._stop.set()

    def _end(self) -> None:
        """结束：放开进行中的调用；没打开过的，把原因告诉等着的人。"""
        self._abort()
        if not self._ready.done():
            self._ready.set_exception(self._fault.before_sending())
            self._ready.exception()  # 没有人等也不算无人查看


def _malformed() -> McpFault:
    """JSON-RPC 没有错，里面的内容不是 MCP 规定的。"""
    return McpFault(tr("MCP 服务的应答不合 MCP 的格式"), ScriptExit.UNKNOWN)


def _closed() -> McpFault:
    """会话关了，说不出别的原因。"""
    return McpFault(tr("MCP 会话已经关闭"), ScriptExit.UNKNOWN)


def _not_connected(limit: float) -> McpFault:
    """到了时限还没有连上。"""
    return McpFault(tr("没有在 {limit:g} 秒内连上 MCP 服务", limit=limit), ScriptExit.NOT_TAKEN)
