"""``PamDeployAgent``：手动驾驶的一次部署（contract 第 6 节）。

与图共用 ``flows`` 与同一个账本；不导入 LangGraph；流程一步不多，失败不自行重试。
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pam_deploy_graph.action_router import ActionBackend, ActionRouter, build_action_backends
from pam_deploy_graph.checkpoint_store import save_checkpoint
from pam_deploy_graph.constants import DEFAULT_STRATEGY, Decision, ExecutionStrategy
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.flows.context import FlowRules, RunContext
from pam_deploy_graph.flows.global_flow import run_global
from pam_deploy_graph.flows.rollback import carry_out
from pam_deploy_graph.flows.rollout import run_until_asked
from pam_deploy_graph.home.run_files import refuse_planted_files
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import normalize_params
from pam_deploy_graph.inputs.service_address import read_allowed
from pam_deploy_graph.inputs.targeting import resolve_targets
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.llm import (
    LlmClient,
    RuleBasedLlmClient,
    analyze,
    validate_deploy_plan,
    validate_intent_result,
    validate_param_result,
)
from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.models import AgentState, LlmDeployPlan, LlmIntentResult, LlmParamResult
from pam_deploy_graph.report import plan_text
from pam_deploy_graph.report.agent_report import render_by_hand
from pam_deploy_graph.runs.agent_runs import (
    Helm,
    adoption,
    digest_shown,
    pending_ip,
    question_asked,
    recorded,
    refuse_unseen,
)
from pam_deploy_graph.runs.anchoring import anchor
from pam_deploy_graph.runs.deciding import Answered
from pam_deploy_graph.runs.lost_ledger import refuse_lost
from pam_deploy_graph.runs.registration import RunRequest, fill_in, register
from pam_deploy_graph.runs.site_rules import Site
from pam_deploy_graph.script_runner import ScriptActionRunner, find_script_entry
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.skill_policy import load_skill_policy
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.safe_text import show_value

Work = Callable[[RunContext], Awaitable[None]]


class PamDeployAgent:
    """一步一步由调用者推进的部署；写的账本与图相同（当前目录的 ``runtime/pam.db``）。

    各部件都可以读；换掉 ``router`` 或 ``llm_client``，下一次就用新的。
    """

    def __init__(
        self,
        *,
        skill_path: str | Path = "doc_scripts/PAM_AUTO_DEPLY_SKILL.md",
        script_base_dir: str | Path = "doc_scripts",
        mcp_runner: ActionBackend | None = None,
        fake_runner: ActionBackend | None = None,
        llm_client: LlmClient | None = None,
    ) -> None:
        """收下各部件。

        Args:
            skill_path: 操作规程；当前目录没有时用随包的那一份。
            script_base_dir: 脚本入口所在目录。
            mcp_runner: MCP 后端；不给就按设置建，用到才连。
            fake_runner: 假后端；不给就新建一个。
            llm_client: 语言理解；不给就用离线规则。

        Raises:
            InvalidInputError: 操作规程读不了或不合格式。

        """
        self.skill_policy = load_skill_policy(skill_path)
        self.script_base_dir = Path(script_base_dir)
        self.llm_client: LlmClient = llm_client or RuleBasedLlmClient()
        self.script_runner = ScriptActionRunner(script_base_dir)
        self.mcp_runner: ActionBackend = mcp_runner or McpActionRunner()
        self.fake_runner: ActionBackend = fake_runner or FakeActionRunner()
        self.router: ActionBackend = ActionRouter(
            script_runner=self.script_runner,
            mcp_runner=self.mcp_runner,
            fake_runner=self.fake_runner,
            token=lambda: Settings().token(),
        )
        self._ledger: Ledger | None = None

    def understand_request(self, text: str) -> LlmIntentResult:
        """返回校验过的意图；意图不认识时抛 ``InvalidInputError``。"""
        return validate_intent_result(self.llm_client.understand_request(text))

    def extract_params(self, text: str, base_params: Mapping[str, object] | None = None) -> LlmParamResult:
        """返回原话里提到的参数；``base_params`` 是此前已知的。"""
        return validate_param_result(self.llm_client.extract_params(text, dict(base_params or {})))

    def generate_plan(
        self,
        *,
        params: Mapping[str, object],
        intent: str = "deploy",
        strategy: str = DEFAULT_STRATEGY,
        target_ips: Sequence[str] | None = None,
    ) -> LlmDeployPlan:
        """返回校验过的计划；不合规程时抛 ``InvalidInputError``。"""
        proposal = self.llm_client.generate_plan(params=params, intent=intent, strategy=strategy)
        return validate_deploy_plan(proposal, target_ips=target_ips)

    def analyze_request(self, text: str, base_params: Mapping[str, object] | None = None) -> dict[str, Any]:
        """分析一句话，不执行。

        Returns:
            ``{"intent": LlmIntentResult, "params": LlmParamResult, "plan": LlmDeployPlan | None}``。

        """
        found = analyze(self.llm_client, text, base_params)
        return {"intent": found.intent, "params": found.params, "plan": found.plan}

    def normalize_params(self, params: Mapping[str, object]) -> dict[str, str]:
        """补齐默认值；缺必填时抛 ``ValueError("缺少必填参数: A, B")``。"""
        return normalize_params(params, Settings().params())

    def create_state(
        self,
        *,
        params: Mapping[str, object],
        execution_strategy: str = DEFAULT_STRATEGY,
        run_id: str | None = None,
        script_entry: str | None = None,
        config_path: str | Path | None = None,
        trace_file_path: str | Path | None = None,
        checkpoint_path: str | Path | None = None,
        target_ips: Sequence[str] | None = None,
        control_params: Mapping[str, object] | None = None,
    ) -> AgentState:
        """检查输入、登记运行并写出配置文件。

        Args:
            params: 部署参数（大写键）。
            execution_strategy: 执行策略；没有另外指定时，``control_params`` 里说的算数。
            run_id: 运行名，不给按时间取；同名同输入的接着走（``fake`` 没有外部世界，从头重做）。
            script_entry: 脚本入口；不给按平台选择（``select_script_entry``），什么策略都写进状态。
            config_path: 配置文件；默认 ``runtime/config_<run_id>.txt``。
            trace_file_path: 调用轨迹；默认 ``logs/api_trace_<run_id>.log``。
            checkpoint_path: 检查点文件；给了就在每次停下时写。
            target_ips: 目标工作站；``None`` 是全部在线的，空列表是一台也没有。
            control_params: 控制参数（小写键）。

        Raises:
            InvalidInputError: 输入不合规则；什么也没有写。

        """
        paths = {"config_path": config_path, "trace_file_path": trace_file_path, "checkpoint_path": checkpoint_path}
        paths |= {"script_entry": script_entry or self._entry(), "script_base_dir": self.script_base_dir}
        request = RunRequest(
            params=params,
            execution_strategy=execution_strategy,
            run_id=run_id,
            environment=Settings().params(),
            control_params=control_params or {},
            target_ips=target_ips,
            paths={name: str(path) for name, path in paths.items() if path not in (None, "")},
        )
        state, created = register(self._open_ledger(), request)
        if not created and state.execution_strategy == ExecutionStrategy.FAKE:
            self._drive(state, _restart)
        return state

    def preview(self, params: Mapping[str, object], strategy: str = DEFAULT_STRATEGY) -> str:
        """返回预演的 Markdown；什么也不执行。"""
        return plan_text.render_preview(self.normalize_params(params), strategy, build_action_backends(strategy))

    def run_global_flow(self, state: AgentState) -> AgentState:
        """做完还没做的全局步骤；失败抛 ``RuntimeError("<action> 执行失败: <reason>")``。"""
        return self._drive(state, self._helm().first(run_global, lambda state: len(state.requested_ips or ())))

    def run_ip_flow(self, state: AgentState) -> AgentState:
        """逐台推进，直到做完或有一台要人决定；已有待确认事项时立即返回。"""
        if self._waits(state):
            return state
        return self._drive(state, self._helm().first(run_until_asked, lambda state: len(resolve_targets(state)[0])))

    def run_deploy_flow(self, state: AgentState) -> AgentState:
        """全局流程，然后逐台；已有待确认事项时原样返回。"""
        if self._waits(state):
            return state
        return self.run_ip_flow(self.run_global_flow(state))

    def build_confirmation_request(self, state: AgentState) -> dict[str, Any]:
        """返回正等着的问题；没有时为空字典。"""
        state.adopt_ip_states()
        return question_asked(state) if state.pending_confirmation else {}

    def confirm_pending(self, state: AgentState, *, approved: bool, operator_note: str = "") -> AgentState:
        """回答正等着的问题；同意则回滚。之后由调用者再调 ``run_ip_flow`` 继续。

        Raises:
            ConfirmationError: 没有待确认事项，种类不支持，问题变了，别人已先决定，或策略不许（都是 ``ValueError``）。
            InvalidInputError: ``approved`` 不是 ``True`` 或 ``False``：像 ``"reject"`` 这样的文字不能当作同意。

        """
        if not isinstance(approved, bool):
            raise InvalidInputError(
                tr("approved 的值 {approved} 应为 True（回滚）或 False（保持现状）", approved=show_value(approved))
            )
        shown = digest_shown(state)
        self._waits(state)
        ip = pending_ip(state)
        refuse_unseen(state, shown)
        decision = Decision.APPROVE if approved else Decision.REJECT

        async def work(ctx: RunContext) -> None:
            """先问策略，记决定，再执行。"""
            refuse_unseen(ctx.state, shown)
            answer = Answered(ip, shown, decision, note=operator_note)
            approval = self._helm().settle(state, answer)
            await carry_out(ctx, ip, recorded(self._open_ledger(), state.run_id, approval))

        return self._drive(state, work)

    def render_report(self, state: AgentState) -> str:
        """返回 Markdown 报告；各行的写法与次序是固定的。"""
        state.adopt_ip_states()
        return render_by_hand(state)

    def _helm(self) -> Helm:
        """此刻掌舵的人与管着他的策略。"""
        return Helm.of(self._open_ledger(), Settings())

    def _entry(self) -> str:
        """返回按平台选出的脚本入口。"""
        return find_script_entry(self.script_base_dir)

    def _waits(self, state: AgentState) -> bool:
        """先追上账本（它知道得更多时以它为准），再看有没有待确认事项。"""
        ledger = self._open_ledger()
        state.adopt_ip_states()
        if ledger.exists(state.run_id):
            ledger.open_session(state).release()
        return bool(state.pending_confirmation)

    def _drive(self, state: AgentState, work: Work) -> AgentState:
        """取得租约，追上账本，做一段流程，存检查点。"""
        ledger = self._open_ledger()
        state.adopt_ip_states()
        fill_in(state)
        refuse_planted_files(state)
        snapshot = adoption(ledger, state)
        rules = FlowRules.of_run(state, self_healing=False)
        settings = Settings()
        learn(settings.token())
        bound = Site.read(ledger, settings).bound
        also: dict[str, Any] = {"node_allow": read_allowed(settings.pam_node_allow), "also_bound": bound}

        def save() -> None:
            """给了检查点的路径就写。"""
            if state.checkpoint_path:
                save_checkpoint(state, state.checkpoint_path)

        async def session_work(session: RunSession) -> None:
            """在一个会话里做。"""
            if snapshot:
                await session.append(snapshot)
            await work(RunContext(session, self.router, rules, after_step=save, **also))

        try:
            ledger.open_session(state).drive(session_work)
        finally:
            save()
            anchor(ledger, settings.pam_audit_anchor, state.run_id)
        return state

    def _open_ledger(self) -> Ledger:
        """返回当前目录的账本；换了目录就换一个。"""
        url = Settings().store_url(Path())
        if self._ledger is None or self._ledger.url != url:
            if self._ledger is not None:
                self._ledger.close()
            refuse_lost(Settings(), Path())
            self._ledger = Ledger(url)
        return self._ledger


async def _restart(ctx: RunContext) -> None:
    """同名演练从头重做。"""
    await ctx.session.append({"type": "RUN_RESTARTED"})
