"""``audit verify``：把证据逐项核对一遍（contract 第 8 节）。"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.audit import chains, conduct
from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system.safe_text import printable

ANCHORS: Final = msgid("锚")
SIGNATURES: Final = msgid("签名")
"""一份证据里可以没有的两样：没有就没有什么可以核对。"""
CHECKS: Final[dict[str, Callable[[Bundle], Iterator[str]]]] = {
    msgid("运行的链"): chains.run_chain,
    msgid("决定的链"): chains.decision_chain,
    msgid("两条链互指"): chains.cross_links,
    ANCHORS: chains.anchors,
    msgid("批准"): conduct.approvals,
    msgid("问题"): conduct.questions,
    msgid("策略"): conduct.policy,
    msgid("照的文件"): conduct.same_site,
    SIGNATURES: conduct.signatures,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """一处不对：哪一项，怎么不对。"""

    check: str
    text: str


def verify(bundle: Bundle) -> list[Finding]:
    """核对一次运行的证据；没有不对的为空。"""
    return [Finding(tr(name), text) for name, check in CHECKS.items() for text in _told(check, bundle)]


def _told(check: Callable[[Bundle], Iterator[str]], bundle: Bundle) -> Iterator[str]:
    """一项核对的各处不对；证据是别人给的、改过的，形状不对而核对不下去的，也是一处不对。"""
    try:
        yield from check(bundle)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        yield tr("没有核对完：证据里有不是本程序写的东西（{kind}: {error}）", kind=type(error).__name__, error=error)


def summary(bundle: Bundle, findings: list[Finding]) -> dict[str, Any]:
    """核对的结果，写成 JSON 对象。"""
    signed = sum(bool(row.get("signature")) for row in bundle.decisions)
    return {
        "run_id": bundle.run_id,
        "ok": not findings,
        "rows": len(bundle.rows),
        "decisions": len(bundle.decisions),
        "signed": signed,
        "anchors": len(bundle.anchors),
        "findings": [{"check": each.check, "text": each.text} for each in findings],
    }


def render(bundle: Bundle, findings: list[Finding]) -> str:
    """写给人看；没有锚的说明末尾有没有被截去无从知道。"""
    found = summary(bundle, findings)
    what = tr(
        "{rows} 行，{decisions} 个决定（{signed} 个签了名），{anchors} 个锚",
        rows=found["rows"],
        decisions=found["decisions"],
        signed=found["signed"],
        anchors=found["anchors"],
    )
    lines = [
        tr(
            "运行 {run_id}: {n}（{what}）",
            run_id=bundle.run_id,
            n=tr("没有不对") if not findings else tr("{n} 处不对", n=len(findings)),
            what=what,
        )
    ]
    lines += [f"- {each.check}: {each.text}" for each in findings]
    if not bundle.anchors:
        lines.append(tr("- 没有锚：整条重写、截去末尾而别处没有留下记录的，看不出来（见 docs/audit.md）"))
    return "\n".join(map(printable, lines))
