"""MCP 后端：一次运行一个会话，断了再开，一个时限管到底。

MCP 不通时什么也不做，绝不改走别的路（contract 第 3 节「MCP 后端」）。
"""

import asyncio
import functools
import hashlib
import ssl
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio

from pam_deploy_graph.constants import ACTIONS, ActionSpec, ScriptExit
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.mcp_addresses import mcp_url_for
from pam_deploy_graph.inputs.time_limits import time_limit_of
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.call_trace import append_trace
from pam_deploy_graph.mcp_runner.conventions import CLOSE_SECONDS
from pam_deploy_graph.mcp_runner.log_files import save_log
from pam_deploy_graph.mcp_runner.server_address import Target, stdio_target
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.safe_text import masked
from pam_deploy_graph.system.tls import TlsFiles

if TYPE_CHECKING:
    from pam_deploy_graph.mcp_runner.client_session import Link
    from pam_deploy_graph.mcp_runner.reply import ToolAnswer
    from pam_deploy_graph.settings import Settings

    _Asked = tuple[ToolAnswer, Link]

TOOLS_KEY: Final = "MCP_TOOLS"
"""``get-online-ips`` 的应答另带的键：工具清单的指纹，批准之后不许再变。"""


@dataclass(slots=True)
class _Links:
    """开着的会话，以「事件循环、运行、服务」为键；单独成一个对象，后端被回收时还能用它来关。"""

    open: dict[tuple[asyncio.AbstractEventLoop, str, str, Target], "Link"] = field(default_factory=dict)

    def shut(self) -> None:
        """马上关掉全部；不等。"""
        for link in list(self.open.values()):
            link.shut()
        self.open.clear()


class McpActionRunner:
    """MCP 后端；可以被多个线程、多个事件循环同时使用，各有各的会话。"""

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        command: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        """收下各项设置；什么也不连。

        Args:
            url: 服务的地址，写法同 ``PAM_MCP_URL``；``None`` 为用到时取它，没有写到的机场用 HOME 给出的。
            token: PAM 令牌；``None`` 为用到时取自 ``Settings``。
            command: stdio 服务的 argv；给了就不用地址。令牌经环境变量 ``PAM_TOKEN`` 交给它。
            environ: 供 stdio 服务继承的环境，只挑少数几个；``None`` 为本进程的。
            tls: 站点的 CA 与客户端证书；``None`` 为用到时取自 ``Settings``。

        """
        self._url = url
        self._token = token
        self._command = tuple(command or ())
        self._environ = environ
        self._tls = tls
        self._links = _Links()
        self._finalizer = weakref.finalize(self, self._links.shut)

    def run_action(self, state: AgentState, action: str, **options: Any) -> ActionResult:
        """同步做一个动作，参数与结果同 ``arun_action``；调用者在不在事件循环里都可以。"""
        return event_loop.call(functools.partial(self.arun_action, state, action, **options))

    async def arun_action(
        self, state: AgentState, action: str, *, time_limit: float | None = None, **options: Any
    ) -> ActionResult:
        """做一个动作；连接、调用合用一个时限，到时即返回。

        Args:
            state: 这次运行。
            action: 动作名，须是动作表里 NODE 一侧的。
            time_limit: 时限，秒；默认取动作表指定的参数。
            **options: ``ip``、``hash_code``、``stop_first``、``to_version``、``idempotency_key``。

        Returns:
            结果；没连上、被拒绝、没答复、答复不合都是 ``ok=False``，不抛异常。

        """
        result = await self._perform(state, action, time_limit, options)
        server = self._command[0] if self._command else self._set_url(state) or state.mcp_url or "-"
        append_trace(state, server, options.get("ip"), result)
        return result

    async def _perform(
        self, state: AgentState, action: str, time_limit: float | None, options: Mapping[str, Any]
    ) -> ActionResult:
        """做一个动作，把没有答复的情形也写成结果。"""
        from pam_deploy_graph.mcp_runner.result import failure_of, result_of

        ip = options.get("ip")
        try:
            answer, link = await self._ask(state, ACTIONS[action], options, _seconds(state, action, time_limit))
            result = result_of(action, ip, answer, self._secret)
            if result.ok and "LOG_FILE" in result.values:
                result.values["LOG_FILE"] = save_log(state, str(ip), masked(answer.text, self._secret))
        except McpFault as fault:
            return failure_of(action, ip, fault, self._secret, {TOOLS_KEY: fault.tools} if fault.tools else None)
        if result.ok and action == "get-online-ips":
            result.values[TOOLS_KEY] = link.fingerprint
        return result

    def endpoints(self, state: AgentState) -> dict[str, str]:
        """连哪个服务；命令行的参数里可能有不该出现的东西，只给指纹。"""
        if self._command:
            whole = hashlib.sha256("\0".join(self._command).encode()).hexdigest()
            return {"PAM_MCP_COMMAND": f"{self._command[0]}（整条命令的 SHA-256 {whole}）"}
        if url := self._set_url(state):
            return {"PAM_MCP_URL": url}
        return {"MCP_URL": state.mcp_url} if state.mcp_url else {}

    def _set_url(self, state: AgentState) -> str:
        """设置给这座机场的地址；没有为空串。"""
        if self._url is None:
            self._url = self._settings.pam_mcp_url
        return mcp_url_for(self._url, state.params.get("AIRPORT_CODE", ""))

    def end_run(self, run_id: str) -> None:
        """这次运行结束了：关掉它的会话；之后再要用（退回某台）就再开一个。"""
        for key, link in list(self._links.open.items()):
            if key[1] == run_id:
                self._links.open.pop(key, None)
                link.shut()

    async def aclose(self) -> None:
        """关掉在本事件循环里打开的会话，最多等 2 秒；别的循环里的只通知。"""
        mine = [link for (loop, *_), link in self._links.open.items() if loop is asyncio.get_running_loop()]
        self._links.shut()
        with anyio.move_on_after(CLOSE_SECONDS):
            for link in mine:
                await link.wait_closed()

    def close(self) -> None:
        """同 ``aclose``，供同步代码用。"""
        if self._links.open:
            event_loop.call(self.aclose)

    async def _ask(self, state: AgentState, spec: ActionSpec, options: Mapping[str, Any], limit: float) -> "_Asked":
        """在时限之内连上并调用；会话已经不在、请求肯定没有被处理时，重开一个再送一次。

        Raises:
            McpFault: 没有得到答复。

        """
        target = self._target(state)
        link = self._link(state, target, limit)  # 头一回要载入 SDK；那不是服务慢，不算在时限里
        deadline = asyncio.get_running_loop().time() + limit
        for again in (True, False):
            await link.opened(deadline)
            _check_approved(state, link)
            try:
                return await link.call(spec.name, state.params, options, deadline), link
            except McpFault as fault:
                if not (fault.gone and again):
                    raise
            link = self._link(state, target, limit)
        raise AssertionError

    def _link(self, state: AgentState, target: Target, limit: float) -> "Link":
        """返回这次运行的会话；没有就开一个，同时来的几个调用合用它。"""
        from pam_deploy_graph.mcp_runner.client_session import Link

        key = (asyncio.get_running_loop(), state.run_id, state.params.get("AIRPORT_CODE", ""), target)
        link = self._links.open.get(key)
        if link is None or link.closed:
            self._links.open = {each: one for each, one in self._links.open.items() if not one.closed}
            link = self._links.open[key] = Link(target, state.params, limit)
        return link

    def _target(self, state: AgentState) -> Target:
        """这次运行连哪个服务：命令、``PAM_MCP_URL``，其次 HOME 给出的。"""
        if self._command:
            environ = self._settings.process_environ() if self._environ is None else self._environ
            return stdio_target(self._command, self._secret, environ, self._tls_files)
        url = self._set_url(state) or state.mcp_url
        if not url:
            reason = tr("mcp 后端没有服务的地址：HOME 没有给出 MCP_URL，请设置 PAM_MCP_URL 或 PAM_MCP_COMMAND")
            raise McpFault(reason, ScriptExit.CONFIG)
        return Target(url, token=self._secret, tls=self._context if url.startswith("https:") else None)

    @property
    def _tls_files(self) -> TlsFiles:
        """站点的 CA 与客户端证书。"""
        return self._settings.tls() if self._tls is None else self._tls

    @functools.cached_property
    def _context(self) -> ssl.SSLContext | None:
        """连服务用的 TLS。"""
        try:
            return self._tls_files.context()
        except InvalidInputError as error:
            raise McpFault(str(error), ScriptExit.CONFIG) from None

    @functools.cached_property
    def _secret(self) -> str:
        """令牌。"""
        if self._token is not None:
            learn(self._token)
        return self._settings.token() if self._token is None else self._token

    @functools.cached_property
    def _settings(self) -> "Settings":
        """用到时才读设置。"""
        from pam_deploy_graph.settings import Settings

        return Settings()


def _check_approved(state: AgentState, link: "Link") -> None:
    """批准之后工具变了就不再用它。"""
    approved = getattr(state, "mcp_tools", "")
    if approved and approved != link.fingerprint:
        reason = tr("MCP 服务的工具在批准之后变了：要先请人批准")
        raise McpFault(reason, ScriptExit.CONFIG, tools=link.fingerprint)


def _seconds(state: AgentState, action: str, time_limit: float | None) -> float:
    """这个动作的时限，秒。"""
    try:
        return time_limit_of(action, state.params, time_limit)
    except InvalidInputError as error:
        raise McpFault(str(error), ScriptExit.CONFIG) from None
