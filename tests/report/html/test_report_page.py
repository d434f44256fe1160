"""报告页的测试：转义、大小、不联网、结构。"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from pam_deploy_graph.ledger.fold import apply
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.html.page import render_html
from pam_deploy_graph.report.summary import report_object
from tests.report.html.runs import PARAMS, addresses, fake_run

MEGABYTES: Final = 2_000_000
STRUCTURE: Final = {"type", "status", "rollback", "at", "decided_at", "exit_code"}
"""这些键的值由本程序自己写，不是外来文字。"""
PAYLOADS: Final = [
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "' onmouseover='window.hacked = 1",
    "</style></pre></textarea></title><iframe src=https://example.invalid>",
    "]]><!-- --><svg onload=alert(1)>&lt;",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31;5m\x1b]0;title\x07\x9b2J\u202e\u2066\x00\ud800",
    "http://example.invalid/a.js\n换行\r\t" + "长" * 5_000,
]


class Markup(HTMLParser):
    """收集一页的元素、属性与文字。"""

    def __init__(self, page: str) -> None:
        """读完一页。"""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """一个元素。"""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """一段文字。"""
        self.texts.append(data)

    @property
    def tags(self) -> set[str]:
        """用到的元素。"""
        return {tag for tag, _ in self.elements}

    def attributes(self) -> Iterator[tuple[str, str, str]]:
        """逐个给出元素、属性名、属性值。"""
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                yield tag, name, value or ""


def poisoned(value: Any, payload: str, key: str = "") -> Any:
    """把每一处外来文字都换成有害的文字；地址还连在后面，免得都成了同一台。"""
    if isinstance(value, dict):
        mixed = {payload + name if name.startswith("10.") else name: inner for name, inner in value.items()}
        return {name: poisoned(inner, payload, name) for name, inner in mixed.items()}
    if isinstance(value, list):
        return [poisoned(inner, payload, key) for inner in value]
    if not isinstance(value, str) or key in STRUCTURE:
        return value
    return payload + value


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """一次有失败、有回滚、有不在线的运行。"""
    return fake_run(
        tmp_path_factory.mktemp("run"),
        ips=addresses(8),
        arrange=lambda fake: fake.fail("verify-ip", "10.0.0.4", error="10.0.0.4 探针没有回答"),
        control={"canary": 2},
        targets=[*addresses(8), "10.9.9.9"],
    )


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_nothing_from_outside_becomes_markup(report: dict[str, Any], payload: str) -> None:
    """每一处外来文字都有害时，页面仍只有本来的元素与属性，而且看得见的控制字符一个不剩。"""
    clean = Markup(render_html(report, logs={"10.0.0.4": "一行"}))
    hostile = poisoned(report, payload)
    page = render_html(hostile, logs=dict.fromkeys(hostile["ips"], payload * 3))
    found = Markup(page)
    assert found.tags == clean.tags
    assert {name for _, name, _ in found.attributes()} <= {name for _, name, _ in clean.attributes()}
    assert sum(tag in ("script", "style") for tag, _ in found.elements) == 2
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert page.encode()


def test_hostile_text_is_still_readable(report: dict[str, Any]) -> None:
    """转义不等于丢掉：有害的文字原样看得到。"""
    texts = "".join(Markup(render_html(poisoned(report, PAYLOADS[0]))).texts)
    assert texts.count(PAYLOADS[0]) > 20


def test_page_loads_nothing(report: dict[str, Any]) -> None:
    """没有任何元素指向外面，策略从头禁止联网，样式与脚本只按散列放行。"""
    found = Markup(render_html(report))
    links = [value for _, name, value in found.attributes() if name in ("src", "href", "action", "data", "srcset")]
    assert links
    assert all(link.startswith("#") for link in links)
    policy = next(values["content"] for tag, values in found.elements if values.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    first = [tag for tag, values in found.elements if values.get("http-equiv") or tag in ("style", "script")]
    assert first[0] == "meta"
    assert not re.search(r"url\(|@import", render_html(report))


def test_every_anchor_leads_somewhere(report: dict[str, Any]) -> None:
    """页内的链接都有去处，标识不重复。"""
    found = Markup(render_html(report))
    ids = [value for _, name, value in found.attributes() if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, name, value in found.attributes() if name == "href"} <= set(ids)


def test_headings_do_not_skip_levels(report: dict[str, Any]) -> None:
    """标题逐级往下，只有一个一级标题；表头都标明方向。"""
    found = Markup(render_html(report))
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all("scope" in values for tag, values in found.elements if tag == "th")


def test_same_report_same_page(report: dict[str, Any]) -> None:
    """同一份报告总是写成同一页，经过 JSON 也一样，而且不改动报告。"""
    before = json.dumps(report, ensure_ascii=False)
    assert render_html(report) == render_html(json.loads(before))
    assert json.dumps(report, ensure_ascii=False) == before


_LETTERS: Final = str.maketrans("01", "与非")
"""原因只差数字的会并成一组，所以序号写成文字。"""


def _worst(count: int) -> AgentState:
    """每台都失败、原因各不相同又都很长、逐台暂停与决定的一次运行。"""
    state = AgentState("r1", PARAMS, "fake", target_ips=addresses(count), online_ips=addresses(count))
    for number, ip in enumerate(addresses(count)):
        at, reason = number * 10_000 + 1, f"<{number:b}>".translate(_LETTERS) + "&" * 3_000
        failed = {"failed_stage": "verify-ip", "failure_reason": reason, "rollback_stop_first": True}
        for event in (
            {"type": "IP_START", "ip": ip, "version_before": "1.2.2"},
            {"type": "ACTION_FAIL", "stage": "verify-ip", "ip": ip, "backend": "fake", "message": reason},
            {"type": "CONFIRMATION_REQUIRED", "ip": ip, **failed},
            {"type": "CONFIRMATION_APPROVED", "ip": ip, "operator": "李娜", "note": ""},
            {"type": "ROLLBACK_DONE", "ip": ip, "message": "回滚完成", "values": {"VERSION": "1.2.2"}},
        ):
            apply(state, {**event, "at": at})
            at += 1_000
    return state


def test_thousand_failures_fit_in_two_megabytes() -> None:
    """一千台全部失败、原因各异、日志很长，页面仍在 2 MB 以内，而且每台都在。"""
    state = _worst(1_000)
    said = {"decision": "approve", "operator": "李娜", "note": "现场确认过"}
    decisions = [
        {"subject": ip, "digest": "", "decided_at": n * 10_000 + 2_500, **said} for n, ip in enumerate(state.target_ips)
    ]
    page = render_html(report_object(state, decisions), logs=dict.fromkeys(state.target_ips, "<&'\">" * 400))
    assert len(page.encode()) < MEGABYTES
    assert page.count("<li title=") == 1_000


@pytest.mark.parametrize("failures", [40, pytest.param(0, marks=pytest.mark.slow)])
def test_thousand_workstations_stay_light(failures: int, tmp_path: Path) -> None:
    """一千台的真实运行，页面不到上限的五分之一。"""
    ips = addresses(1_000)

    def arrange(fake: Any) -> None:
        """隔开的若干台失败。"""
        for ip in ips[::25][:failures]:
            fake.fail("deploy-ip", ip, error=f"{ip} 磁盘空间不足")

    control = {"max_parallel": 50, "ask_after": 10}
    page = render_html(fake_run(tmp_path, ips=ips, arrange=arrange, control=control))
    assert len(page.encode()) < MEGABYTES / 5
    assert page.count("<li title=") == 1_000
    assert f"1000 台中 {1_000 - failures} 台" in page or failures == 0


def test_adopted_and_empty_runs_render() -> None:
    """没有任何事件的运行、从检查点接过来的运行都写得出来。"""
    empty = AgentState("r1", PARAMS, "fake")
    assert "还没有发生任何事" in render_html(report_object(empty, []))
    adopted = _worst(3)
    adopted.events = [{"type": "RUN_ADOPTED", "progress": {}, "at": 1}, {"type": "SOMETHING_NEW", "at": 2}]
    assert "接过此前的进度" in render_html(report_object(adopted, []))
