"""动作表页面：把 ``constants.ACTIONS`` 印出来。"""

from pam_deploy_graph.constants import (
    ACTIONS,
    DEFAULT_PARAMS,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    ActionSpec,
    ExecutionStrategy,
    Phase,
    RepeatSafety,
    build_action_backends,
)
from tools.pages import HEADER, code, table

PHASES = {
    Phase.GLOBAL: "全局",
    Phase.PER_IP: "每台工作站",
    Phase.APPROVAL: "经人批准",
    Phase.RECONCILIATION: "查证、状态",
}
REPEATS = {
    RepeatSafety.YES: "安全",
    RepeatSafety.BY_CONTENT: "内容相同则安全",
    RepeatSafety.BY_KEY: "带同一幂等键才安全",
}
HEAD = [
    "动作",
    "哪一侧",
    "何时",
    "需要",
    "知道才给",
    "应答必带",
    "应答可带",
    "重复做",
    "先写 INTENT",
    "MCP 工具",
    "默认时限（秒）",
]


def render() -> str:
    """返回整页 Markdown。"""
    strategies = [str(strategy) for strategy in ExecutionStrategy]
    backends = {strategy: build_action_backends(strategy) for strategy in strategies}
    routing = [[f"`{name}`", *(backends[strategy][name] for strategy in strategies)] for name in ACTIONS]
    return "\n".join(
        [
            HEADER,
            "# 动作表\n",
            "每个动作一行，源自 `pam_deploy_graph/constants/actions.py` 的 `ACTIONS`；别处不另列动作。",
            "成功的应答缺少「必带」的键，不算成功。\n",
            table(HEAD, [_row(spec) for spec in ACTIONS.values()]),
            "## 次序\n",
            f"- 全局（`GLOBAL_ACTION_SEQUENCE`）：{code(GLOBAL_ACTION_SEQUENCE)}",
            f"- 每台工作站（`IP_ACTION_SEQUENCE`）：{code(IP_ACTION_SEQUENCE)}\n",
            "## 各策略用哪个后端\n",
            table(["动作", *(f"`{strategy}`" for strategy in strategies)], routing),
        ]
    )


def _row(spec: ActionSpec) -> list[str]:
    """返回一个动作的各格。"""
    return [
        f"`{spec.name}`",
        spec.side,
        PHASES[spec.phase],
        code(spec.needs),
        code(spec.may_need),
        code(spec.gives),
        code(spec.may_give),
        REPEATS[spec.repeat],
        "是" if spec.needs_intent else "",
        f"`{spec.tool_name}`" if spec.side == "NODE" else "",
        f"{DEFAULT_PARAMS[spec.time_limit_param]}（`{spec.time_limit_param}`）",
    ]
