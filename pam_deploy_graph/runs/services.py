"""图与命令行共用的部件：账本、路由、语言理解、进度听众、停止开关；一律注入，用到才建，导入时什么也不建。"""

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_deploy_graph.action_router import ActionBackend, end_run
from pam_deploy_graph.constants import ExecutionStrategy, ExitCode
from pam_deploy_graph.errors import RunPausedError
from pam_deploy_graph.flows.context import FlowRules, RunContext, record
from pam_deploy_graph.flows.telemetry import Span, log_events, open_tracing, start_json_logs
from pam_deploy_graph.home.run_files import refuse_planted_files, remove_run_config
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.service_address import read_allowed
from pam_deploy_graph.inventory import Inventory, open_inventory
from pam_deploy_graph.ledger import CANCEL, Ledger, RunSession
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.report.summary import tally_of
from pam_deploy_graph.runs.actor import Actor, local_actor
from pam_deploy_graph.runs.anchoring import anchor
from pam_deploy_graph.runs.lease_wait import open_session, wait_out
from pam_deploy_graph.runs.lost_ledger import refuse_lost
from pam_deploy_graph.runs.patience import Patience
from pam_deploy_graph.runs.site_rules import Site, why_void
from pam_deploy_graph.runs.stop_signs import StopSigns
from pam_deploy_graph.runs.stopping import stopped_text
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.masking import learn

if TYPE_CHECKING:
    from pam_deploy_graph.llm import LlmClient
    from pam_deploy_graph.mcp_runner import McpActionRunner
    from pam_deploy_graph.people import PeopleBook
    from pam_deploy_graph.policy import Policy
    from pam_deploy_graph.runs.kept_logs import LogKeeper

Watcher = Callable[[AgentState], AbstractContextManager[Callable[[Event], None]]]


@dataclass
class Services:
    """一个进程里驱动运行所需的一切；没给的部件按设置建。"""

    home: Path = field(default_factory=Path)
    settings: Settings = field(default_factory=Settings)
    given_router: ActionBackend | None = None
    given_llm_client: "LlmClient | None" = None
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)
    """跟着一次运行的每一段：收下它的折叠，给出一个听众（进度用）。"""
    at_node: Callable[[str], None] = lambda _name: None
    """图进了哪个节点，告诉它。"""
    channel: str = "graph"
    """从哪里来的：``graph``、``cli``、``chat``……；决定与暂停带着它。"""
    given_actor: Actor | None = None  # 替谁做（网页控制台里的人）；没有就是本机的账号
    look: bool = False
    """只看：账本不新建、不迁移、不修补。"""
    may_replace: bool = False
    """账本丢了也照样新建一份（``repair`` 用）。"""
    patience: Patience = field(default_factory=Patience)
    """模块正由别的运行占着时等多久、在等什么说给谁听。"""
    stop: threading.Event = field(default_factory=threading.Event)
    """这个进程要停了（Ctrl-C）：它的运行都不再开新的。"""
    preapproved: dict[str, str] = field(default_factory=dict)
    """哪次运行由谁事先批准：只管本进程给它提出的第一份计划（contract 第 8 节 ``--yes``）。"""
    agreed_homes: set[str] = field(default_factory=set)
    """话里说的、人确认过令牌可以去的 HOME；只管本进程。"""
    nodes_asked: set[str] = field(default_factory=set)
    """本进程已经问过 HOME 节点在哪里的运行；停过的、别的进程做到一半的要再问。"""
    _states: dict[str, AgentState] = field(default_factory=dict)
    """折叠好的状态；账本只增，下次从它追上即可，不必每一步都从头折叠。"""

    @cached_property
    def ledger(self) -> Ledger:
        """账本。

        Raises:
            RecordsDisagreeError: 账本丢了，见 ``refuse_lost``。

        """
        if not self.may_replace:
            refuse_lost(self.settings, self.home)
        return Ledger(self.settings.store_url(self.home), look=self.look)

    @cached_property
    def router(self) -> ActionBackend:
        """路由；没有注入就按设置建。"""
        from pam_deploy_graph.runs.parts import make_router

        return self.given_router or make_router(self.settings, self.mcp_runner)

    @cached_property
    def mcp_runner(self) -> "McpActionRunner":
        """MCP 后端；用到才连。"""
        from pam_deploy_graph.runs.parts import make_mcp_runner

        return make_mcp_runner(self.settings)

    @cached_property
    def llm_client(self) -> "LlmClient":
        """语言理解，见 ``open_client``。"""
        from pam_deploy_graph.runs.language import open_client

        return open_client(self.settings, self.given_llm_client, self.inventory)

    @property
    def policy(self) -> "Policy":
        """站点的策略，每次都从文件读，改了就作数；没有设就什么都许。"""
        from pam_deploy_graph.policy import open_policy

        return open_policy(self.settings.pam_policy)

    @cached_property
    def inventory(self) -> Inventory:
        """名称清单；没有设就是空的。"""
        return open_inventory(self.settings.pam_inventory)

    @property
    def people(self) -> "PeopleBook | None":
        """账户文件，每次都从文件读；没有设就没有。"""
        from pam_deploy_graph.people import open_people

        return open_people(self.settings.pam_people)

    def site(self) -> Site:
        """站点此刻的规矩；一件事读一次，问到底。"""
        return Site.read(self.ledger, self.settings)

    @cached_property
    def logs(self) -> "LogKeeper":
        """工作站的日志与轨迹。"""
        from pam_deploy_graph.runs.kept_logs import LogKeeper

        return LogKeeper(self)

    @cached_property
    def signs(self) -> StopSigns:
        """停止标志。"""
        return StopSigns(self.stop)

    def local_actor(self) -> Actor:
        """动手的人：说好了替谁做的是他，否则是本机的账号。"""
        return self.given_actor or local_actor(self.people, self.channel, self.settings.sudo_user())

    @cached_property
    def span(self) -> Span:
        """跨度；默认关着。"""
        return open_tracing(on=self.settings.pam_otel)

    def drive(self, run_id: str, work: Callable[[RunContext], Awaitable[None]]) -> AgentState:
        """取得一次运行的租约，追上账本，做一段流程；返回做完之后的状态（不含事件列表）。

        Args:
            run_id: 已登记的运行。
            work: 要做的流程。

        Raises:
            RunHeldError: 另一个存活的进程正握着它。
            InvalidInputError: 令牌会去来源比它弱的地址。
            PamError: 流程里的错误原样抛出。

        """
        state = self._states.pop(run_id, None) or self.ledger.load_state(run_id, keep_events=False)
        self.inventory.lend_names(state)
        rules = FlowRules.of_run(state, self_healing=True)
        self.check_travel(state)
        refuse_planted_files(state)
        learn(self.settings.token())
        stop = self.signs.check(run_id, self.cancelled)

        async def session_work(session: RunSession) -> None:
            """在一个会话里做。"""
            with ExitStack() as watching, self.span("pam.run", run_id=run_id, airport=state.params["AIRPORT_CODE"]):
                session.listeners.extend(watching.enter_context(watch(state)) for watch in self.watchers)
                session.listeners.extend([*self.listeners, *self._event_logs(run_id)])
                async with stop.looking():
                    allowed = read_allowed(self.settings.pam_node_allow)
                    ctx = RunContext(session, self.router, rules, stop, self.span, node_allow=allowed)
                    ctx.step_seconds = self.settings.pam_job_seconds or ctx.step_seconds
                    ctx.held, ctx.paused = self.ledger.holds, lambda: self.signs.by_person(run_id)
                    ctx.also_bound, ctx.vet = self.site().bound, lambda *asked: why_void(self.site(), *asked)
                    await work(ctx)

        open_session(self.ledger, state, self.signs.leaving).drive(session_work)
        self._states[run_id] = state
        self.anchor(run_id)
        return state

    def wait_out(self, run_id: str) -> bool:
        """没有进程握着了返回真；在别的主机上的先等，见 ``lease_wait``。"""
        return wait_out(self.ledger, run_id, self.signs.leaving)

    def anchor(self, run_id: str) -> None:
        """把两条链的尾记到账本之外，见 ``anchoring.anchor``。"""
        anchor(self.ledger, self.settings.pam_audit_anchor, run_id)

    def state_of(self, run_id: str) -> AgentState:
        """返回一次运行折叠到最新的状态（不含事件列表）。"""
        state = self._states.get(run_id) or self.ledger.load_state(run_id, keep_events=False)
        self.ledger.catch_up(state)
        return self.inventory.lend_names(state)

    def forget(self, run_id: str) -> None:
        """不再用内存里折叠好的状态；登记的输入改过之后必须如此。"""
        self._states.pop(run_id, None)

    def finish(self, run_id: str, code: ExitCode, reason: str) -> None:
        """记下一次运行结束了，连同退出码与原因；为它留着的状态与会话都放掉。"""
        cancel = self.ledger.decision(run_id, CANCEL, "")

        async def work(ctx: RunContext) -> None:
            """结束、退出码与放开模块是同一个事务；已经结束了的不再结束一次。"""
            if ctx.state.exit_code is None:
                over = {"type": "RUN_FINISHED", "exit_code": int(code), "reason": reason, "tally": tally_of(ctx.state)}
                over |= cancel.taken_in() if cancel else {}
                await ctx.session.append(over, also=self.ledger.finish_row(run_id, int(code), reason))

        remove_run_config(self.drive(run_id, work))
        self.forget(run_id)
        end_run(self.router, run_id)

    def position(self, run_id: str) -> dict[str, Any]:
        """返回账本此刻写到哪里，随检查点存下；还没有登记的为空。"""
        return self.ledger.position(run_id) if run_id and self.ledger.exists(run_id) else {}

    def pause(self, run_id: str, actor: Actor) -> None:
        """记下有人要它停一停；已经停着的不再记。"""
        self.signs.pausing.pop(run_id, None)
        if not self.state_of(run_id).paused_by:
            self.drive(run_id, record("RUN_PAUSED", **actor.told()))

    def stop_here(self, run_id: str, actor: Actor) -> None:
        """停下了：人要停的记下是谁（说了「暂停」的那一位，否则是 ``actor``）。

        Raises:
            RunPausedError: 整个进程要停；对话里说的「暂停」不抛，由图说出来。

        """
        self.nodes_asked.discard(run_id)
        if self.signs.by_person(run_id):
            self.pause(run_id, self.signs.pausing.get(run_id, actor))
        if self.stop.is_set():
            told = stopped_text(self.state_of(run_id))
            raise RunPausedError(tr("{told}；用 resume {run_id} 继续", told=told, run_id=run_id))

    def go_on(self, run_id: str, actor: Actor) -> None:
        """人要它继续；没有停着的不记。"""
        if self.state_of(run_id).paused_by:
            self.drive(run_id, record("RUN_CONTINUED", **actor.told()))

    def cancelled(self, run_id: str) -> bool:
        """有没有人要求取消这次运行。"""
        return self.ledger.get_run(run_id).cancelled_by is not None

    def close(self) -> None:
        """关闭账本与 MCP 会话。"""
        if "mcp_runner" in self.__dict__:
            self.mcp_runner.close()
        if "ledger" in self.__dict__:
            self.ledger.close()

    def check_travel(self, state: AgentState) -> None:
        """令牌不去来源比它弱的地址；后端是宿主给的，或没有外部世界的，不归这里管。"""
        url = state.params["PAM_HOME_URL"]
        if self.given_router is None and state.execution_strategy != ExecutionStrategy.FAKE:
            self.settings.check_token_travel("" if url in self.agreed_homes else url)

    def _event_logs(self, run_id: str) -> list[Callable[[Event], None]]:
        """写日志的听众；默认没有。"""
        if not self.settings.pam_log_json:
            return []
        start_json_logs()
        return [log_events(run_id)]
