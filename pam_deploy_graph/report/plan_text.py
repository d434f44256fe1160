"""预演与计划：动手之前给人看的 Markdown，以及新旧计划差在哪里（纯函数；contract 第 5、6 节）。"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS, Backend, Control, Side
from pam_deploy_graph.i18n import Worded, msgid, recorded, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.models import AgentState, LlmDeployPlan
from pam_deploy_graph.report.durations import Expected
from pam_deploy_graph.report.summary import deployed, rerun, table
from pam_deploy_graph.report.version_changes import VersionGroup, change_lines
from pam_deploy_graph.system.safe_text import markdown_safe, printable
from pam_deploy_graph.system.shown_time import span

_SPOKEN: Final[Worded[str]] = Worded({Backend.SCRIPT: "脚本 action", Backend.MCP: "MCP"})
"""后端在预演里怎样称呼；别的照它的名字。"""
_FINGERPRINT: Final = 12
_PACE: Final = msgid("节奏")
_AND: Final = msgid("；")
_NONE: Final = msgid("（无）")
_CHANGES: Final = msgid("- 变化:")
_RUN: Final = msgid("- 运行: ")
CALLED: Final = Worded({"AIRPORT_CODE": "机场", "APP_NAME": "应用", "MODULE_NAME": "模块", "VERSION_NUMBER": "版本"})
"""部署参数怎样称呼；别的照它的名字。"""


def render_preview(params: dict[str, str], strategy: str, backends: dict[str, str]) -> str:
    """写出预演：策略、两侧的后端、部署什么、每个动作由谁做；不执行任何动作。"""
    by_side = {spec.side: _SPOKEN.get(backends[name], backends[name]) for name, spec in ACTIONS.items()}
    rows = ((f"`{action}`", f"`{backend}`") for action, backend in backends.items())
    lines = [
        tr("## PAM 部署预演"),
        "",
        tr("- 执行策略: {strategy}", strategy=strategy),
        f"- PAM_HOME: {by_side[Side.HOME]}",
        f"- PAM_NODE: {by_side[Side.NODE]}",
        *deployed(params),
        "",
        *table(("action", "backend"), rows),
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """计划里算出来的事实：变化、折成台数的控制参数、预计用时、看到的要当心的事、设置从哪里来。"""

    groups: list[VersionGroup]
    control: Mapping[str, Any]
    expected: Expected | None
    remarks: list[str]
    sources: str = ""

    def pace(self) -> str:
        """节奏：先几台、同时几台、何时停下来，控制参数表里有说法的。"""
        said = (_said(row, self.control.get(row.name, row.default)) for row in CONTROLS.values())
        return tr(_AND).join(filter(None, said))

    def cautions(self, plan: LlmDeployPlan) -> list[str]:
        """要当心的，每句只说一次。"""
        return list(dict.fromkeys([*self.remarks, *plan.warnings, *plan.risks]))

    def expected_text(self) -> str:
        """预计用多久；不知道就说不知道。"""
        if (known := self.expected) is None:
            return tr("不知道（账本里还没有做完过同样的）")
        basis = tr(
            "每台约 {span}，是以前 {workstations} 台的中位数；不算等人的时间",
            span=span(known.each_ms),
            workstations=known.workstations,
        )
        return tr("约 {span}（{basis}）", span=span(known.total_ms), basis=basis)


def render_plan(state: AgentState, plan: LlmDeployPlan, facts: PlanFacts) -> str:
    """写出请人批准的计划：差在哪里、按什么节奏、要多久、用哪个安装包、接到哪里、要当心什么。"""
    lines = [
        tr("## PAM 部署计划"),
        "",
        tr(
            "把{sentence}，共 {n} 台。",
            sentence=_sentence(state.params),
            n=sum(len(group.ips) for group in facts.groups),
        ),
        "",
        tr(_CHANGES),
        *(f"  - {line}" for line in change_lines(facts.groups, state.names)),
        *(
            [tr("- 排除: {show_ips}", show_ips=show_ips(excluded, state.names))]
            if (excluded := state.control_params.get("exclude_ips"))
            else []
        ),
        *rerun(state),
        tr("- 节奏: {pace}", pace=facts.pace()),
        tr("- 预计用时: {expected_text}", expected_text=facts.expected_text()),
        *_package(state),
        f"- PAM_HOME: {state.params['PAM_HOME_URL']}",
        *_endpoints(state),
        *([tr("- 设置: {sources}", sources=facts.sources)] if facts.sources else []),
        *_limits(state.params),
        tr("- 步骤: {steps}", steps=" → ".join(step.action for step in plan.steps)),
        f"{tr(_RUN)}{state.run_id}",
        tr("- 执行策略: {execution_strategy}", execution_strategy=state.execution_strategy),
        *(tr("- 注意: {text}", text=markdown_safe(text)) for text in facts.cautions(plan)),
    ]
    return "\n".join(lines) + "\n"


def _limits(params: Mapping[str, str]) -> list[str]:
    """另外说定的时限；与默认相同的不说。"""
    named = {"REQUEST_TIMEOUT": tr("一个动作"), "VERIFY_TIMEOUT": tr("验证")}
    said = [
        tr("{what} {params} 秒", what=what, params=params[name])
        for name, what in named.items()
        if params[name] != DEFAULT_PARAMS[name]
    ]
    return [tr("- 时限: {said}", said=tr("，").join(said))] if said else []


def _package(state: AgentState) -> list[str]:
    """安装包在哪里，是哪一份；演练没有真的安装包。"""
    path = state.params.get("PACKAGE_PATH")
    which = f"SHA-256 {state.package_digest}" if state.package_digest else tr("SHA-256 还不知道（后端说不出）")
    return [
        tr("- 安装包: {path}（{which}）", path=markdown_safe(path), which=which)
        if path
        else tr("- 安装包: HOME 里的那一份（{which}）", which=which)
    ]


def _endpoints(state: AgentState) -> list[str]:
    """接到哪里、经什么程序；MCP 的工具只写指纹的开头。"""
    tools = {tr("MCP 工具的指纹"): f"{state.mcp_tools[:_FINGERPRINT]}…"} if state.mcp_tools else {}
    return [f"- {name}: {printable(recorded(value))}" for name, value in {**state.endpoints, **tools}.items()]


def _said(row: Control, value: Any) -> str:
    """一个控制参数在计划里的说法；与默认相同的，表里另有说法才说。"""
    if value in (None, [], False) or value == row.default:
        return tr(row.by_default)
    return tr(row.shown, value=tr("、").join(map(str, value)) if isinstance(value, list) else value)


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """说明新计划与上一版哪里不同；没有上一版或没有不同时为空串。"""
    if not old:
        return ""
    before, after = _facts(old), _facts(new)
    if tr(_PACE) not in before:  # 从账本拼回来的上一版没有这一句，就不比
        del after[tr(_PACE)]
    scope, number = tr("目标"), tr("目标台数")
    if before[number] != after[number]:  # 台数变了就不必再列一遍是哪几台，计划里有
        before[scope] = after[scope]
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = tr("；").join(_changed(name, before.get(name), after.get(name)) for name in changed)
    if not told and old.get("digest") != new["digest"]:
        told = tr("要做的工作站或步骤有变，见下面的计划")
    return tr("改动: {told}", told=told) if told else ""


def _changed(name: str, before: Any, after: Any) -> str:
    """一项改成了什么；节奏只说改了的那几句。"""
    if isinstance(before, list) and isinstance(after, list):
        old, new = (tr("，").join(_without(*pair)) for pair in [(before, after), (after, before)])
        return f"{name} {old or tr(_NONE)} → {new or tr(_NONE)}"
    return f"{name} {tr(_NONE) if before is None else before} → {tr(_NONE) if after is None else after}"


def _without(own: list[str], other: list[str]) -> list[str]:
    """只有这一份里有的几句。"""
    return [part for part in own if part not in other]


def _facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """计划里会被人改的事实，名字照操作员的叫法。"""
    where = plan["params"].get("PACKAGE_PATH") or tr("HOME 里的")
    package = (
        {tr("安装包（{where}）的内容", where=where): plan["package"][:_FINGERPRINT]} if plan.get("package") else {}
    )
    package |= plan.get("endpoints") or {}
    scope = {tr("目标台数"): plan["targets"], tr("目标"): plan["scope"]}
    scope |= {tr("排除"): given} if (given := plan["control"].get("exclude_ips")) else {}
    params = {CALLED.get(name, name): value for name, value in plan["params"].items()}
    pace = {tr(_PACE): plan["pace"].split(tr(_AND))} if "pace" in plan else {}
    return {**params, **pace, tr("策略"): plan["execution_strategy"], **package, **scope}


def _sentence(params: Mapping[str, str]) -> str:
    """读回给操作员听的一句话。"""
    airport, app, module, version = (params[name] for name in REQUIRED_PARAMS)
    return tr(
        "机场 {airport} 的 {app} 应用 {module} 模块部署到 {version}",
        airport=airport,
        app=app,
        module=module,
        version=version,
    )


def change_part(text: str) -> list[str]:
    """从写好的计划里取出「变化」的几行。"""
    lines = iter(text.splitlines())
    if tr(_CHANGES) not in lines:  # ``in`` 走到那一行为止
        return []
    return list(takewhile(lambda line: line.startswith("  - "), lines))


def other_part(text: str) -> list[str]:
    """从写好的计划里取出「变化」以外的各项；标题与运行名不在其中。"""
    told = frozenset(change_part(text))
    lines = (line for line in text.splitlines() if line.strip() and line not in told)
    return [line for line in lines if line != tr(_CHANGES) and not line.startswith(("## ", tr(_RUN)))]
