"""图与命令行共用的部件：账本、路由、语言理解、进度听众、停止开关。

一律注入，用到才建，导入时什么也不建。
"""

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pam_deploy_graph.action_router import ActionBackend, ActionRouter, end_run
from pam_deploy_graph.constants import ExecutionStrategy, ExitCode
from pam_deploy_graph.errors import RunConflictError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.flows.context import FlowRules, RunContext, record
from pam_deploy_graph.flows.telemetry import Span, log_events, open_tracing, start_json_logs
from pam_deploy_graph.home.run_files import refuse_planted_files, write_run_config
from pam_deploy_graph.inputs.service_address import read_allowed
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.llm import GuardedLlmClient, LlmClient, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.runs.registration import RunRequest, has_begun, refuse_once_begun, register, revised
from pam_deploy_graph.script_runner import ScriptActionRunner
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.skill_policy import DEFAULT_SKILL_PATH, load_skill_policy
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.resources import packaged_folder, packaged_path

_CANCEL_POLL_SECONDS = 0.5


@dataclass
class Services:
    """一个进程里驱动运行所需的一切；没给的部件按设置建。"""

    home: Path = field(default_factory=Path)
    settings: Settings = field(default_factory=Settings)
    given_router: ActionBackend | None = None
    given_llm_client: LlmClient | None = None
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    preapproved: dict[str, str] = field(default_factory=dict)
    """哪次运行由谁事先批准：只管本进程给它提出的第一份计划（contract 第 8 节 ``--yes``）。"""
    _states: dict[str, AgentState] = field(default_factory=dict)
    """折叠好的状态；账本只增，下次从它追上即可，不必每一步都从头折叠。"""

    @cached_property
    def ledger(self) -> Ledger:
        """账本。"""
        return Ledger(self.settings.store_url(self.home))

    @cached_property
    def router(self) -> ActionBackend:
        """路由；没有注入就按设置建。"""
        return self.given_router or ActionRouter(
            script_runner=ScriptActionRunner(
                packaged_folder(), token=self.settings.token(), script_entry=self.settings.pam_script_entry
            ),
            mcp_runner=self.mcp_runner,
            fake_runner=FakeActionRunner(),
            token=self.settings.token,
        )

    @cached_property
    def mcp_runner(self) -> McpActionRunner:
        """MCP 后端；用到才连。"""
        return McpActionRunner(url=self.settings.pam_mcp_url, token=self.settings.token())

    @cached_property
    def llm_client(self) -> LlmClient:
        """语言理解；没有注入时，设了模型用模型，没设用离线规则；模型与注入的不行时都退回规则。"""
        if self.given_llm_client is not None:
            return GuardedLlmClient(self.given_llm_client)
        if not self.settings.pam_llm_model:
            return RuleBasedLlmClient()
        return OpenAiLlmClient.from_settings(
            self.settings, policy_rules=load_skill_policy(packaged_path(DEFAULT_SKILL_PATH)).rules
        )

    @cached_property
    def span(self) -> Span:
        """跨度；默认关着。"""
        return open_tracing(on=self.settings.pam_otel)

    def drive(self, run_id: str, work: Callable[[RunContext], Awaitable[None]]) -> AgentState:
        """取得一次运行的租约，追上账本，做一段流程。

        Args:
            run_id: 已登记的运行。
            work: 要做的流程。

        Returns:
            做完之后的状态（不含事件列表）。

        Raises:
            RunHeldError: 另一个存活的进程正握着它。
            InvalidInputError: 令牌会去来源比它弱的地址。
            PamError: 流程里的错误原样抛出。

        """
        state = self._states.pop(run_id, None) or self.ledger.load_state(run_id, keep_events=False)
        rules = FlowRules.of_run(state, self_healing=True)
        self._check_travel(state)
        refuse_planted_files(state)
        learn(self.settings.token())

        async def session_work() -> None:
            """在一个会话里做。"""
            session = self.ledger.open_session(state)
            session.listeners.extend([*self.listeners, *self._event_logs(run_id)])
            with self.span("pam.run", run_id=run_id, airport=state.params["AIRPORT_CODE"]):
                async with session.alive():
                    await work(
                        RunContext(
                            session,
                            self.router,
                            rules,
                            self._stop_check(run_id),
                            self.span,
                            node_allow=read_allowed(self.settings.pam_node_allow),
                        )
                    )

        event_loop.call(session_work)
        self._states[run_id] = state
        return state

    def register_again(self, request: RunRequest) -> None:
        """登记一次运行，等着提出计划；同名的还没有动过手，就改用这份输入，原来的计划与批准随之作废。

        Raises:
            InvalidInputError: 输入不合规则。
            RunConflictError: 同名的运行已经动过手，输入不能再改。
            RunHeldError: 另一个存活的进程正握着它。

        """
        try:
            before, _ = register(self.ledger, request)
        except RunConflictError:
            state = revised(self.ledger, request)
            self.drive(state.run_id, self._withdraw(state))
            write_run_config(state)
        else:
            if before.plan_digest and not has_begun(before):
                self.drive(before.run_id, record("PLAN_WITHDRAWN"))
        self.forget(str(request.run_id))

    def _withdraw(self, state: AgentState) -> Callable[[RunContext], Awaitable[None]]:
        """返回握着租约换掉输入的流程：先让原来的计划作废，半路被杀也不会照旧计划做新的输入。"""

        async def work(ctx: RunContext) -> None:
            """再看一眼有没有动过手，然后换。"""
            refuse_once_begun(ctx.state)
            await ctx.session.append({"type": "PLAN_WITHDRAWN"})
            self.ledger.revise_run(state)

        return work

    def state_of(self, run_id: str) -> AgentState:
        """返回一次运行折叠到最新的状态（不含事件列表）。"""
        state = self._states.get(run_id) or self.ledger.load_state(run_id, keep_events=False)
        self.ledger.catch_up(state)
        return state

    def forget(self, run_id: str) -> None:
        """不再用内存里折叠好的状态；登记的输入改过之后必须如此。"""
        self._states.pop(run_id, None)

    def finish(self, run_id: str, code: ExitCode, reason: str) -> None:
        """记下一次运行结束了，连同退出码与原因；为它留着的状态与会话都放掉。"""
        self.drive(run_id, record("RUN_FINISHED", exit_code=int(code), reason=reason))
        self.ledger.update_run(run_id, exit_code=int(code), reason=reason)
        self.ledger.unlock_module(run_id)
        self.forget(run_id)
        end_run(self.router, run_id)

    def cancelled(self, run_id: str) -> bool:
        """有没有人要求取消这次运行。"""
        return self.ledger.get_run(run_id).cancelled_by is not None

    def close(self) -> None:
        """关闭账本与 MCP 会话。"""
        if "mcp_runner" in self.__dict__:
            self.mcp_runner.close()
        if "ledger" in self.__dict__:
            self.ledger.close()

    def _check_travel(self, state: AgentState) -> None:
        """令牌不去来源比它弱的地址；后端是宿主给的，或没有外部世界的，不归这里管。"""
        if self.given_router is None and state.execution_strategy != ExecutionStrategy.FAKE:
            self.settings.check_token_travel(state.params["PAM_HOME_URL"])

    def _event_logs(self, run_id: str) -> list[Callable[[Event], None]]:
        """写日志的听众；默认没有。"""
        if not self.settings.pam_log_json:
            return []
        start_json_logs()
        return [log_events(run_id)]

    def _stop_check(self, run_id: str) -> Callable[[], bool]:
        """返回「该停了吗」：本进程要求停，或账本里记了取消（最多隔半秒看一次）。"""
        checked_at, cancelled = 0.0, False

        def check() -> bool:
            """该停则为真。"""
            nonlocal checked_at, cancelled
            if time.monotonic() - checked_at > _CANCEL_POLL_SECONDS:
                checked_at, cancelled = time.monotonic(), self.cancelled(run_id)
            return cancelled or self.stop.is_set()

        return check
