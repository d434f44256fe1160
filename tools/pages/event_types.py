"""账本的事件：每种何时记下、带哪些字段；与源码里真的会记的逐一核对。"""

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from pam_deploy_graph.constants import DECISION_EVENTS, DECISIONS
from tools.source import PROJECT, parse, python_files

_EMITTERS: Final = ("flows", "graph/nodes", "agent.py", "runs", "ledger")


class EventType(NamedTuple):
    """一种事件：何时记下、必有与可有的字段（``type`` 与 ``at`` 每种都有，不列）。"""

    when: str
    fields: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


_DECISION: Final = ("decision_number", "decision_link")
"""执行一个决定的事件带着它在决定链上的编号与链接。"""
EVENTS: Final[dict[str, EventType]] = {
    "PLAN_PROPOSED": EventType(
        "提出了请人批准的计划；之后只有计划里的工作站可以动",
        ("digest", "target_ips"),
        ("mcp_tools", "package", "endpoints", "requested_by", "stage", "text", "steps", "seen", "owners", "names"),
    ),
    "PLAN_APPROVED": EventType("照批准的计划动手", ("digest", "operator", "note", *_DECISION)),
    "PLAN_WITHDRAWN": EventType("动手之前改了主意，原来的计划与批准作废，等着提出新的"),
    "ENDPOINTS_MOVED": EventType("节点换了地址，或 MCP 的工具变了，要先请人批准；批准之前不用", ("values",)),
    "TARGET_SCOPE_CHANGED": EventType("要求的有不在线的", ("missing_ips", "target_ips", "message")),
    "INTENT": EventType("将要做一件不可重复的事，落盘之后才动手", ("stage", "attempt"), ("ip",)),
    "ACTION_DONE": EventType("一个动作成功", ("stage", "backend", "message", "values"), ("ip", "best_effort")),
    "ACTION_FAIL": EventType(
        "一个动作失败或结果未知；`best_effort` 的（失败之后取日志）不算失败",
        ("stage", "backend", "message"),
        ("ip", "in_doubt", "best_effort", "exit_code"),
    ),
    "RESEND_WAIT": EventType(
        "没有收下的（`outcome` 为 `not_taken`）、没有答清楚的，等这么多秒再送或再问",
        ("stage", "outcome", "seconds", "message"),
        ("ip",),
    ),
    "IP_START": EventType("一台工作站开工", ("ip", "message")),
    "READ_BACK": EventType(
        "向一台查证了真相（``query-ip``）；``values`` 为空是没有问到，动手之前的那一次就是「开工之前」",
        ("ip", "values"),
        ("message",),
    ),
    "IP_SKIPPED": EventType("一台本来就在目标版本上运行，跳过", ("ip", "version")),
    "IP_DONE": EventType("一台完工", ("ip", "message")),
    "CONFIRMATION_REQUIRED": EventType(
        "一台停下，等人决定；``reading`` 是接着就读它的实情，读到了再问",
        ("stage", "ip", "message", "stop_first", "failed_stage", "failure_reason", "rollback_stop_first"),
        ("in_doubt", "reading", "unauthorised"),
    ),
    **{
        row.event: EventType(
            row.recorded,
            ("ip", "operator", "note", *_DECISION),
            ("stage", "message", "digest", "redo", "over", "policy"),
        )
        for row in DECISIONS.values()
    },
    "RETRY_WITHDRAWN": EventType("说好了重试，还没有做就取消了：还是原来的失败", ("ip",)),
    "APPROVAL_VOID": EventType(
        "同意的是另一个样子的：执行之前读回的与问的时候不同，没有动手，重新问", ("ip", "operator", "message")
    ),
    "ROLLBACK_REQUESTED": EventType(
        "操作员要把一台退回，等人确认；退回已经结束的运行的，另有那次运行、它的键的主人与版本",
        ("ip", "reason"),
        ("to_version", "of_run", "owner"),
    ),
    "ROLLBACK_DONE": EventType("回滚成功，读回的真相也这样说", ("ip", "stage", "backend", "message", "values")),
    "ROLLBACK_FAILED": EventType("回滚失败，仍然等人", ("ip", "stage", "backend", "message"), ("in_doubt",)),
    "CANARY_HOLD": EventType("灰度做完，开始观察", ("seconds",)),
    "CANARY_RELEASED": EventType("灰度没有问题，可以推其余的"),
    "WAVE_PAUSE": EventType("一批做完，停一停再做下一批", ("done", "seconds")),
    "WAVE_DONE": EventType("一批做完，可以做下一批", ("done",)),
    "SAME_FAILURES": EventType("接连几台同样的失败，不再开新的，先问", ("cause",)),
    "AMENDMENT_PROPOSED": EventType(
        "途中提出改动，批准之前不生效", ("digest", "control", "target_ips", "text"), ("requested_by",)
    ),
    "AMENDMENT_SETTLED": EventType("改动批准了，或没有批准", ("approved", *_DECISION)),
    "RUN_REGISTERED": EventType(
        "登记；``input`` 是登记的输入的 SHA-256，``row`` 是名字与时刻",
        ("input",),
        ("account", "row", "migrated_from", "copy"),
    ),
    "RUN_REVISED": EventType("动手之前改了主意，换了输入", ("input",)),
    "DECISIONS_SEEN": EventType("写下这一行时决定的链到了哪里；与同一行的事件一起", ("decisions", "decision_link")),
    "RUN_PAUSED": EventType("有人要它停一停；由人继续之前不动手", ("operator", "account", "channel")),
    "RUN_CONTINUED": EventType("有人让它继续", ("operator", "account", "channel")),
    "RUN_FINISHED": EventType("这次运行结束；取消的带上取消的编号", ("exit_code", "reason"), ("tally", *_DECISION)),
    "RUN_RESTARTED": EventType("同名的演练（`fake`）从头重做", ()),
    "RUN_ADOPTED": EventType("账本里没有这次运行，从检查点文件接过进度", ("progress",)),
}


def emitted() -> set[str]:
    """返回源码里会记的事件类型。"""
    found = set(DECISION_EVENTS.values())
    for name in _EMITTERS:
        place = PROJECT / "pam_deploy_graph" / name
        for path in [place] if place.is_file() else python_files(place, (".",)):
            found |= {kind for node in ast.walk(parse(path)) for kind in _kinds(node)}
    return found


def check() -> None:
    """核对。

    Raises:
        ValueError: 有的事件会记而没有写在这里，或写了而不会记。

    """
    if different := emitted() ^ set(EVENTS):
        raise ValueError(f"tools/pages/event_types.py 与源码不一致：{sorted(different)}")


def _kinds(node: ast.AST) -> Iterator[str]:
    """一处源码会记的类型：``{"type": …}`` 或 ``record(…)``。"""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "type":
                yield from _constants(value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record" and node.args:
        yield from _constants(node.args[0])


def _constants(value: ast.expr) -> Iterator[str]:
    """一个表达式可能给出的大写文字。"""
    parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isupper():
            yield part.value
