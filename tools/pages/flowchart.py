"""流程图页面：图、分层、路由、人工确认、检查点与恢复，能从代码来的都从代码来。"""

import tomllib
from itertools import pairwise

from pam_deploy_graph.constants import (
    ACTIONS,
    IP_ACTION_SEQUENCE,
    Backend,
    Decision,
    ExecutionStrategy,
    RollbackStatus,
    Side,
    build_action_backends,
)
from tools.pages import HEADER, code, mermaid
from tools.pages.graph_paths import pictures
from tools.source import PROJECT

BACKENDS = {
    Backend.SCRIPT: "脚本后端<br/>pam_action.sh",
    Backend.MCP: "MCP 后端<br/>mcp-node",
    Backend.FAKE: "演练后端<br/>FakeActionRunner",
}

HOME_COUNT = sum(action.side is Side.HOME for action in ACTIONS.values())


def render() -> str:
    """返回整页 Markdown。"""
    parts = [HEADER, "# 流程图\n"]
    for title, prose, picture in (
        ("模块结构", MODULES, _modules()),
        ("执行路径", MAIN, _paths()),
        ("动作路由", ROUTING, _routing()),
        ("人工确认", CONFIRMATION, _confirmation()),
        ("检查点与恢复", RECOVERY, _recovery()),
    ):
        parts += [f"## {title}\n", prose.strip() + "\n", picture]
    return "\n".join(parts)


MAIN = """
节点与边取自运行时编译的同一张图（`build_graph()`）：主线从上往下读，没有轮到的节点直接过去，走到该停的地方；
六角形是停下来等人的地方，双边框的里面另有一张图。从哪里进来都先照账本看运行走到哪里；
命令 `resume` 与「继续」都从停下的那个节点接着走。
"""
WORKSTATION = """
`ip-flow` 里每台工作站走的路：已经在目标版本上运行、验证也通过的跳过（`--force` 照做）；哪一步失败就停在那一步，
取回日志，等人决定，别的工作站不受影响。
"""

MODULES = """
上层可以导入下层，下层不可以导入上层；同一格里以「|」隔开的模块互不导入。
试验场与 MCP 服务是独立的程序，由 `__main__` 挂成命令，别处不导入它们。
约定写在 `pyproject.toml` 的 import-linter 一节，`make check` 会守住它。
"""

ROUTING = f"""
`build_action_backends(strategy)` 把动作表的每一行派给一个后端，`ActionRouter` 照此转交。
PAM_HOME 与 PAM_NODE 各有 {HOME_COUNT} 个和 {len(ACTIONS) - HOME_COUNT} 个动作，逐个的对照见 [动作表](action_table.md)。
默认策略下 MCP 不通时，NODE 的动作不会改走别的路。
"""

CONFIRMATION = f"""
图在三处停下来等人：缺少必填参数、动手之前批准计划、每次回滚之前；说了有代价的事（取消、换一种说法的继续）另问一遍。
停下的节点在 `interrupt()` 之前什么也不做，
因为恢复时它会从头再跑一遍。回滚的回答有 {code([*Decision])} 三种；计划的摘要（SHA-256）变了就要重新批准，
同一个问题只算第一个回答，后来者会被告知是谁先答的。
"""

RECOVERY = """
LangGraph 的检查点只记对话走到哪里；对外界做过什么记在账本里，一行一个事件，只增不改。
不可重复的动作先把 INTENT 落盘，再动手，再把 DONE 落盘；无论在哪一刻被杀掉，恢复时都照下图判断。
"""


def _paths() -> str:
    """画出图的三幅，和一台工作站的一幅。"""
    parts = [f"### {title}\n\n{picture}" for title, picture in pictures().items()]
    return "\n".join([*parts, f"### 一台工作站\n\n{WORKSTATION.strip()}\n", _workstation()])


def _workstation() -> str:
    """画出一台工作站的各步；次序取自动作表。"""
    steps = [f'    s{number}["{name}"]' for number, name in enumerate(IP_ACTION_SEQUENCE)]
    arrows = [f"    s{number} --> s{number + 1}" for number in range(len(steps) - 1)]
    failures = [f"    s{number} -.-> ask" for number in range(len(steps))]
    return mermaid(
        [
            "flowchart LR",
            '    q{"query-ip、verify-ip<br/>已在目标版本，验证也通过？"} -->|是| skip(["SUCCESS，跳过"])',
            "    q -->|不是| s0",
            *steps,
            *arrows,
            f'    s{len(steps) - 1} --> ok(["SUCCESS"])',
            '    ask{{"失败或结果未知<br/>取回日志，等人决定"}}',
            *failures,
        ]
    )


def _modules() -> str:
    """按分层约定画出模块结构，只画真实存在的模块；独立的程序另放一边。"""
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    layers = {f"L{number}": title for number, layer in enumerate(contract["layers"]) if (title := _existing(layer))}
    programs = [key for key, title in layers.items() if "lab" in title.split(" · ")]
    stack = [key for key in layers if key not in programs]
    boxes = [f'    {key}["{title}{_about(title)}"]' for key, title in layers.items()]
    arrows = [f"    {upper} --> {lower}" for upper, lower in pairwise(stack)]
    mounts = [f"    {stack[0]} -.->|挂为命令| {key}" for key in programs]
    return mermaid([*COMPACT, "flowchart TD", *boxes, *arrows, *mounts])


COMPACT = ["---", "config:", "  flowchart:", "    rankSpacing: 22", "    wrappingWidth: 640", "---"]
"""层多，排得紧一些，一行写得长一些。"""
LAYERS = {
    "lab": "独立的程序：试验场，MCP 服务",
    "cli": "命令行：解析、显示、询问",
    "agent": "自己掌舵 | LangGraph 的图",
    "runs": "一次运行在流程之外的一生",
    "report": "给人看的结果：计划、摘要、网页",
    "flows": "次序：全局、逐台、回滚；恰好做一次",
    "ledger": "账本 · 检查点",
    "action_router": "派给哪个后端",
    "script_runner": "动作怎样到达 PAM",
    "llm": "听懂一句话 · 操作规程",
    "home": "家目录里的文件 · PAM 的约定",
    "inputs": "进来的值检查一次 · 数据结构 · 设置",
    "system": "操作系统的事，不知道 PAM",
    "constants": "动作表 · 错误",
    "i18n": "用哪种语言说",
}
"""一层做什么，以它的第一个模块为键。"""


def _about(title: str) -> str:
    """一层做什么。"""
    about = LAYERS.get(title.split(" ", maxsplit=1)[0], "")
    return f"<br/>{about}" if about else ""


def _existing(layer: str) -> str:
    """返回一层里真实存在的模块，分隔符照约定里的写法。"""
    separator = " | " if "|" in layer else " · "
    names = [name.strip(" ()") for name in layer.replace("|", ":").split(":")]
    package = PROJECT / "pam_deploy_graph"
    return separator.join(n for n in names if (package / f"{n}.py").is_file() or (package / n).is_dir())


def _routing() -> str:
    """画出三种策略下两侧各走哪个后端。"""
    backends = [f'    b_{backend}["{title}"]' for backend, title in BACKENDS.items()]
    arrows = [
        f'    s_{strategy}(["{strategy}"]) -->|PAM_{side}| b_{backend}'
        for strategy in ExecutionStrategy
        for side in Side
        for backend in _used(strategy, side)
    ]
    return mermaid(["flowchart LR", *backends, *arrows])


def _used(strategy: str, side: Side) -> list[str]:
    """返回一种策略在一侧用到的后端。"""
    chosen = build_action_backends(strategy)
    return sorted({chosen[name] for name, spec in ACTIONS.items() if spec.side is side})


def _confirmation() -> str:
    """画出一次回滚的确认过程。"""
    status = RollbackStatus
    return mermaid(
        [
            "stateDiagram-v2",
            "    direction LR",
            '    state "查证" as ASK',
            f"    [*] --> {status.NOT_RUN}: 部署成功",
            f"    [*] --> {status.PENDING}: 某一步失败",
            f"    {status.PENDING} --> {status.DONE}: {Decision.APPROVE}，回滚成功",
            f"    {status.PENDING} --> {status.FAILED}: {Decision.APPROVE}，回滚失败",
            f"    {status.FAILED} --> {status.DONE}: 再次 {Decision.APPROVE}",
            f"    {status.FAILED} --> {status.REJECTED}: {Decision.REJECT}",
            f"    {status.PENDING} --> {status.REJECTED}: {Decision.REJECT}，保持现状",
            f"    {status.PENDING} --> ASK: {Decision.RETRY}",
            "    ASK --> [*]: 做成了，继续后面的步骤",
            f"    ASK --> {status.PENDING}: 仍然失败",
        ]
    )


def _recovery() -> str:
    """画出恢复时对每个动作的判断。"""
    return mermaid(
        [
            "flowchart TD",
            '    start(["resume"]) --> done{"账本里有 DONE？"}',
            '    done -->|有| replay["直接用记下的结果"]',
            '    done -->|没有| intent{"账本里有 INTENT？"}',
            '    intent -->|没有| run["写 INTENT → 动手 → 写 DONE"]',
            '    intent -->|有| ask{"query-ip 或同一幂等键：<br/>上次做成了吗？"}',
            '    ask -->|做成了| record["补记 DONE"]',
            "    ask -->|确实没做| run",
            '    ask -->|说不准| doubt["IN_DOUBT：这台停下，问人"]',
        ]
    )
