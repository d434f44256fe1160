"""预演与计划：动手之前给人看的 Markdown，以及新旧计划差在哪里（纯函数；contract 第 5、6 节）。"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS, Backend, Control, Side
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.models import AgentState, LlmDeployPlan
from pam_deploy_graph.report.durations import Expected
from pam_deploy_graph.report.summary import deployed, rerun, table
from pam_deploy_graph.report.version_changes import VersionGroup, change_lines
from pam_deploy_graph.system.safe_text import markdown_safe, printable
from pam_deploy_graph.system.shown_time import span

_SPOKEN: Final[dict[str, str]] = {Backend.SCRIPT: "脚本 action", Backend.MCP: "MCP"}
"""后端在预演里怎样称呼；别的照它的名字。"""
_FINGERPRINT: Final = 12
_PACE: Final = "节奏"
_AND: Final = "；"
_NONE: Final = "（无）"
_CHANGES: Final = "- 变化:"
_RUN: Final = "- 运行: "
CALLED: Final = dict(zip(REQUIRED_PARAMS, ("机场", "应用", "模块", "版本"), strict=True))
"""部署参数怎样称呼；别的照它的名字。"""


def render_preview(params: dict[str, str], strategy: str, backends: dict[str, str]) -> str:
    """写出预演：策略、两侧的后端、部署什么、每个动作由谁做；不执行任何动作。"""
    by_side = {spec.side: _SPOKEN.get(backends[name], backends[name]) for name, spec in ACTIONS.items()}
    rows = ((f"`{action}`", f"`{backend}`") for action, backend in backends.items())
    lines = [
        "## PAM 部署预演",
        "",
        f"- 执行策略: {strategy}",
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
        return _AND.join(filter(None, said))

    def cautions(self, plan: LlmDeployPlan) -> list[str]:
        """要当心的，每句只说一次。"""
        return list(dict.fromkeys([*self.remarks, *plan.warnings, *plan.risks]))

    def expected_text(self) -> str:
        """预计用多久；不知道就说不知道。"""
        if (known := self.expected) is None:
            return "不知道（账本里还没有做完过同样的）"
        basis = f"每台约 {span(known.each_ms)}，是以前 {known.workstations} 台的中位数；不算等人的时间"
        return f"约 {span(known.total_ms)}（{basis}）"


def render_plan(state: AgentState, plan: LlmDeployPlan, facts: PlanFacts) -> str:
    """写出请人批准的计划：差在哪里、按什么节奏、要多久、用哪个安装包、接到哪里、要当心什么。"""
    lines = [
        "## PAM 部署计划",
        "",
        f"把{_sentence(state.params)}，共 {sum(len(group.ips) for group in facts.groups)} 台。",
        "",
        _CHANGES,
        *(f"  - {line}" for line in change_lines(facts.groups, state.names)),
        *(
            [f"- 排除: {show_ips(excluded, state.names)}"]
            if (excluded := state.control_params.get("exclude_ips"))
            else []
        ),
        *rerun(state),
        f"- 节奏: {facts.pace()}",
        f"- 预计用时: {facts.expected_text()}",
        *_package(state),
        f"- PAM_HOME: {state.params['PAM_HOME_URL']}",
        *_endpoints(state),
        *([f"- 设置: {facts.sources}"] if facts.sources else []),
        *_limits(state.params),
        f"- 步骤: {' → '.join(step.action for step in plan.steps)}",
        f"{_RUN}{state.run_id}",
        f"- 执行策略: {state.execution_strategy}",
        *(f"- 注意: {markdown_safe(text)}" for text in facts.cautions(plan)),
    ]
    return "\n".join(lines) + "\n"


def _limits(params: Mapping[str, str]) -> list[str]:
    """另外说定的时限；与默认相同的不说。"""
    named = {"REQUEST_TIMEOUT": "一个动作", "VERIFY_TIMEOUT": "验证"}
    said = [f"{what} {params[name]} 秒" for name, what in named.items() if params[name] != DEFAULT_PARAMS[name]]
    return [f"- 时限: {'，'.join(said)}"] if said else []


def _package(state: AgentState) -> list[str]:
    """安装包在哪里，是哪一份；演练没有真的安装包。"""
    path = state.params.get("PACKAGE_PATH")
    which = f"SHA-256 {state.package_digest}" if state.package_digest else "SHA-256 还不知道（后端说不出）"
    return [f"- 安装包: {markdown_safe(path)}（{which}）" if path else f"- 安装包: HOME 里的那一份（{which}）"]


def _endpoints(state: AgentState) -> list[str]:
    """接到哪里、经什么程序；MCP 的工具只写指纹的开头。"""
    tools = {"MCP 工具的指纹": f"{state.mcp_tools[:_FINGERPRINT]}…"} if state.mcp_tools else {}
    return [f"- {name}: {printable(value)}" for name, value in {**state.endpoints, **tools}.items()]


def _said(row: Control, value: Any) -> str:
    """一个控制参数在计划里的说法；与默认相同的，表里另有说法才说。"""
    if value in (None, [], False) or value == row.default:
        return row.by_default
    return row.shown.format("、".join(map(str, value)) if isinstance(value, list) else value)


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """说明新计划与上一版哪里不同；没有上一版或没有不同时为空串。"""
    if not old:
        return ""
    before, after = _facts(old), _facts(new)
    if _PACE not in before:  # 从账本拼回来的上一版没有这一句，就不比
        del after[_PACE]
    if before["目标台数"] != after["目标台数"]:  # 台数变了就不必再列一遍是哪几台，计划里有
        before["目标"] = after["目标"]
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = "；".join(_changed(name, before.get(name), after.get(name)) for name in changed)
    if not told and old.get("digest") != new["digest"]:
        told = "要做的工作站或步骤有变，见下面的计划"
    return f"改动: {told}" if told else ""


def _changed(name: str, before: Any, after: Any) -> str:
    """一项改成了什么；节奏只说改了的那几句。"""
    if isinstance(before, list) and isinstance(after, list):
        old, new = ("，".join(_without(*pair)) for pair in [(before, after), (after, before)])
        return f"{name} {old or _NONE} → {new or _NONE}"
    return f"{name} {_NONE if before is None else before} → {_NONE if after is None else after}"


def _without(own: list[str], other: list[str]) -> list[str]:
    """只有这一份里有的几句。"""
    return [part for part in own if part not in other]


def _facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """计划里会被人改的事实，名字照操作员的叫法。"""
    where = plan["params"].get("PACKAGE_PATH") or "HOME 里的"
    package = {f"安装包（{where}）的内容": plan["package"][:_FINGERPRINT]} if plan.get("package") else {}
    package |= plan.get("endpoints") or {}
    scope = {"目标台数": plan["targets"], "目标": plan["scope"]}
    scope |= {"排除": given} if (given := plan["control"].get("exclude_ips")) else {}
    params = {CALLED.get(name, name): value for name, value in plan["params"].items()}
    pace = {_PACE: plan["pace"].split(_AND)} if "pace" in plan else {}
    return {**params, **pace, "策略": plan["execution_strategy"], **package, **scope}


def _sentence(params: Mapping[str, str]) -> str:
    """读回给操作员听的一句话。"""
    airport, app, module, version = (params[name] for name in REQUIRED_PARAMS)
    return f"机场 {airport} 的 {app} 应用 {module} 模块部署到 {version}"


def change_part(text: str) -> list[str]:
    """从写好的计划里取出「变化」的几行。"""
    lines = iter(text.splitlines())
    if _CHANGES not in lines:  # ``in`` 走到那一行为止
        return []
    return list(takewhile(lambda line: line.startswith("  - "), lines))


def other_part(text: str) -> list[str]:
    """从写好的计划里取出「变化」以外的各项；标题与运行名不在其中。"""
    told = frozenset(change_part(text))
    lines = (line for line in text.splitlines() if line.strip() and line not in told)
    return [line for line in lines if line != _CHANGES and not line.startswith(("## ", _RUN))]
