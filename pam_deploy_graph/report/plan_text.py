"""预演与计划：动手之前给人看的 Markdown，以及新旧计划差在哪里（纯函数；contract 第 5、6 节）。"""

from collections.abc import Mapping
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS, Backend, Control, Side
from pam_deploy_graph.inputs.addresses import compress_ips, with_name
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.models import AgentState, LlmDeployPlan
from pam_deploy_graph.report.summary import deployed, rerun, table
from pam_deploy_graph.system.safe_text import markdown_safe, printable

_LISTED_IPS: Final = 10
_SPOKEN: Final[dict[str, str]] = {Backend.SCRIPT: "脚本 action", Backend.MCP: "MCP"}
"""后端在预演里怎样称呼；别的照它的名字。"""
_FINGERPRINT: Final = 12
_NAMELESS: Final[Mapping[str, str]] = {}


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


def render_plan(
    state: AgentState, targets: list[str], missing: list[str], plan: LlmDeployPlan, *, sources: str = ""
) -> str:
    """写出请人批准的计划：部署什么、到哪几台、按什么规则、有什么风险；``sources`` 是设置从哪里来。"""
    lines = [
        "## PAM 部署计划",
        "",
        f"把{_sentence(state.params)}，共 {len(targets)} 台；批准之后立即开始。",
        "",
        f"- 运行: {state.run_id}",
        f"- 执行策略: {state.execution_strategy}",
        f"- PAM_HOME: {state.params['PAM_HOME_URL']}",
        *([f"- 设置: {sources}"] if sources else []),
        *deployed(state.params),
        *_package(state),
        *_endpoints(state),
        *rerun(state),
        *_limits(state.params),
        f"- 目标: {len(targets)} 台：{show_ips(targets, state.names)}",
        *(
            [f"- 排除: {show_ips(excluded, state.names)}"]
            if (excluded := state.control_params.get("exclude_ips"))
            else []
        ),
        *([f"- 不在线，不部署: {len(missing)} 台：{show_ips(missing, state.names)}"] if missing else []),
        f"- 次序: {_order(state, len(targets))}",
        f"- 步骤: {' → '.join(step.action for step in plan.steps)}",
        *(f"- 注意: {markdown_safe(text)}" for text in [*plan.warnings, *plan.risks]),
        "- 任何一台回滚之前都会再问。",
    ]
    return "\n".join(lines) + "\n"


def _excluded(state: AgentState) -> list[str]:
    """不做的几台；没有说的为空。"""
    excluded = state.control_params.get("exclude_ips")
    return [f"- 排除: {show_ips(excluded, state.names)}"] if excluded else []


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


def _order(state: AgentState, scope: int) -> str:
    """按什么次序、什么节奏推，何时停下：控制参数表里有说法的，份额写成台数。"""
    given = in_numbers(state.control_params, scope)
    said = [_said(row, given.get(row.name, row.default)) for row in CONTROLS.values() if row.shown]
    return "，".join(filter(None, said))


def _said(row: Control, value: Any) -> str:
    """一个控制参数在计划里的说法；与默认相同的不说。"""
    if value in (None, [], False) or (value == row.default and not row.always):
        return ""
    return row.shown.format("、".join(map(str, value)) if isinstance(value, list) else value)


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """说明新计划与上一版哪里不同；没有上一版或没有不同时为空串。"""
    if not old:
        return ""
    before, after = _facts(old), _facts(new)
    if before["目标台数"] != after["目标台数"]:  # 台数变了就不必再列一遍是哪几台，计划里有
        before["目标"] = after["目标"]
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = "；".join(f"{name} {before.get(name, '（无）')} → {after.get(name, '（无）')}" for name in changed)
    if not told and old.get("digest") != new["digest"]:
        told = "要做的工作站或步骤有变，见下面的计划"
    return f"改动: {told}" if told else ""


def _facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """计划里会被人改的事实。"""
    package = {"安装包内容": plan["package"][:12]} if plan.get("package") else {}
    package |= plan.get("endpoints") or {}
    scope = {"目标台数": plan["targets"], "目标": plan.get("scope", "")}
    return {**plan["params"], **plan["control"], "策略": plan["execution_strategy"], **package, **scope}


def _sentence(params: Mapping[str, str]) -> str:
    """读回给操作员听的一句话。"""
    airport, app, module, version = (params[name] for name in REQUIRED_PARAMS)
    return f"机场 {airport} 的 {app} 应用 {module} 模块部署到 {version}"


def show_ips(ips: list[str], names: Mapping[str, str] = _NAMELESS) -> str:
    """列出工作站，连同名称；多了就把相邻的合成范围（名称写两头的），还多就只列前若干段。"""
    if len(ips) <= _LISTED_IPS:
        return "、".join(markdown_safe(with_name(ip, names)) for ip in ips)
    ranges = compress_ips(ips).split(",")
    shown = "、".join(_with_ends(one, names) for one in ranges[:_LISTED_IPS])
    return shown + (" 等" if len(ranges) > _LISTED_IPS else "")


def _with_ends(addresses: str, names: Mapping[str, str]) -> str:
    """一段地址，连同两头的名称。"""
    ends = [names[ip] for ip in addresses.split("-") if ip in names]
    return markdown_safe(f"{addresses}（{' … '.join(ends)}）") if ends else addresses
