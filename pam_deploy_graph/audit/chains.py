"""核对链：运行的一条、决定的一条，互相指着对方，再与锚比（contract 第 5 节）。

每一处都说出是哪一行、怎么不对；一处不对不妨碍把别处看完。
"""

from collections.abc import Iterator
from typing import Any, Final

from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import chain

_NO_LINK: Final = chain.GENESIS.hex()


def events_of(bundle: Bundle) -> Iterator[tuple[int, dict[str, Any]]]:
    """逐个给出 ``(行号, 事件)``；读不懂的行跳过，由链去说。"""
    for row in bundle.rows:
        try:
            for event in chain.decode(row["body"], row["at"]):
                yield row["seq"], event
        except (ValueError, AttributeError, TypeError, KeyError):
            continue


def run_chain(bundle: Bundle) -> Iterator[str]:
    """运行的链：行号连续，每行的链接由上一行与本行算出；登记的输入与链上记着的相同。"""
    link, expected = chain.GENESIS, 1
    for row in bundle.rows:
        if row["seq"] != expected:
            yield tr("第 {expected} 行不在了（下一行是第 {seq} 行）", expected=expected, seq=row["seq"])
        expected = row["seq"] + 1
        if chain.link_of(link, row["seq"], row["at"], row["body"]).hex() != row["link"]:
            yield tr("第 {seq} 行被改动过：它的链接与内容、上一行对不上", seq=row["seq"])
        link = bytes.fromhex(row["link"])
    said = [event.get("input") for _, event in events_of(bundle) if event["type"] in ("RUN_REGISTERED", "RUN_REVISED")]
    if not said:
        yield tr("链上没有登记：开头被去掉了，或不是本程序写的")
    elif said[-1] != chain.text_digest(bundle.run["input"]):
        yield tr("登记的输入与链上记着的不同：登记被改动过")
    for name, value in next((event["row"] for _, event in events_of(bundle) if "row" in event), {}).items():
        if bundle.run.get(name) != value:
            yield tr(
                "登记的 {name} 是 {now}，链上的是 {value}：登记被改动过",
                name=name,
                now=bundle.run.get(name),
                value=value,
            )
    yield from _end(bundle)


def _end(bundle: Bundle) -> Iterator[str]:
    """结束的登记与链上的结束要相符：登记说结束了而链上没有，就是末尾被截去了。"""
    over = [(event["exit_code"], event["reason"]) for _, event in events_of(bundle) if event["type"] == "RUN_FINISHED"]
    code, why = bundle.run["exit_code"], bundle.run.get("reason")
    if code is not None and not over:
        yield tr("登记说以 {code} 结束，链上却没有结束：末尾被截去了", code=code)
    elif over and (code, why) != over[-1]:
        yield tr(
            "登记的退出码与原因是 {code}「{why}」，链上的是 {chain_code}「{chain_why}」",
            code=code,
            why=why,
            chain_code=over[-1][0],
            chain_why=over[-1][1],
        )


def decision_chain(bundle: Bundle) -> Iterator[str]:
    """决定的链：编号连续，每个的链接由上一个与它的内容算出。"""
    previous, expected = _NO_LINK, 1
    for row in bundle.decisions:
        if row["number"] != expected:
            yield tr("第 {expected} 个决定不在了（下一个是第 {number} 个）", expected=expected, number=row["number"])
        expected = row["number"] + 1
        if _decision_link(previous, row) != row["link"]:
            yield tr(
                "第 {number} 个决定（{subject} → {decision}）是伪造的，或被改动过",
                number=row["number"],
                subject=row["subject"],
                decision=row["decision"],
            )
        previous = row["link"]


def _decision_link(previous: str, row: dict[str, Any]) -> str:
    """照账本的算法算出一个决定的链接。"""
    content = row | {"head_link": bytes.fromhex(row["head_link"])}
    return chain.decision_link(bytes.fromhex(previous), content).hex()


def cross_links(bundle: Bundle) -> Iterator[str]:
    """两条链互相指着：决定时看到的行还在、还是那一行；执行决定的事件带着的链接还是那个决定的。"""
    links = {row["seq"]: row["link"] for row in bundle.rows}
    last = max(links, default=0)
    for row in bundle.decisions:
        seen = row["head_seq"]
        if seen > last:
            yield tr(
                "第 {number} 个决定作出时已有 {seen} 行，现在只到第 {last} 行：末尾被截去了",
                number=row["number"],
                seen=seen,
                last=last,
            )
        elif seen and links.get(seen) != row["head_link"]:
            yield tr("第 {seen} 行不是第 {number} 个决定作出时的那一行：链被重写过", seen=seen, number=row["number"])
    made = {row["number"]: row["link"] for row in bundle.decisions}
    for seq, event in events_of(bundle):
        if event["type"] == "DECISIONS_SEEN":
            yield from _tail(seq, event, made)
        number = event.get("decision_number")
        if number and number not in made:
            yield tr("第 {seq} 行执行的第 {number} 个决定不在了", seq=seq, number=number)
        elif number and made[number] != event.get("decision_link"):
            yield tr("第 {seq} 行执行的第 {number} 个决定不是现在的这一个：决定被换过", seq=seq, number=number)


def _tail(seq: int, event: dict[str, Any], made: dict[int, str]) -> Iterator[str]:
    """写下一行时决定的链到了哪里，现在不能更短，也不能换过。"""
    number = event["decisions"]
    if number not in made:
        yield tr(
            "第 {seq} 行写下时已有 {number} 个决定，现在只到第 {made} 个：末尾的决定不在了",
            seq=seq,
            number=number,
            made=max(made, default=0),
        )
    elif made[number] != event["decision_link"]:
        yield tr("第 {seq} 行写下时的第 {number} 个决定不是现在的这一个：决定被换过", seq=seq, number=number)


def anchors(bundle: Bundle) -> Iterator[str]:
    """锚：别处记下的链尾还在、还是那一行。"""
    links = {row["seq"]: row["link"] for row in bundle.rows}
    made = {row["number"]: row["link"] for row in bundle.decisions}
    for anchor in bundle.anchors:
        for found, place, link, what in (
            (links, anchor["seq"], anchor["link"], tr("行")),
            (made, anchor["decisions"], anchor["decision_link"], tr("个决定")),
        ):
            if place > max(found, default=0):
                yield tr(
                    "锚记着第 {place} {what}，现在只到第 {found} {what}：末尾被截去了",
                    place=place,
                    what=what,
                    found=max(found, default=0),
                )
            elif place and found.get(place) != link:
                yield tr("第 {place} {what}不是锚记着的那一{what2}：链被重写过", place=place, what=what, what2=what[-1])
