"""一句话里的名称：哪几台，或者为什么要问（数据在 ``mentions.jsonl``）。"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.inventory import Inventory, mentions_in, put_addresses
from pam_deploy_graph.inventory.stock import Row
from pam_deploy_graph.llm import NamedLlmClient, RuleBasedLlmClient
from tests.inventory.files import STOCK
from tests.patience import patience

DATA = Path(__file__).with_name("mentions.jsonl")
CASES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
REQUEST = "把首都机场的 checkin 应用 gate 模块升级到 1.2.3，"
CLIENT = NamedLlmClient(RuleBasedLlmClient(), STOCK)


@pytest.mark.parametrize("case", CASES, ids=[one["text"] for one in CASES])
def test_heard(case: dict[str, Any]) -> None:
    """整句请求里说到的范围；说不清的问，并说出像的，绝不当作没有说。"""
    found = CLIENT.extract_params(REQUEST + case["text"], {})
    scopes = {name: found.control_params.get(name, []) for name in ("target_ips", "exclude_ips")}
    said = {name: [f"10.0.0.{n}" for n in case.get(key, [])] for name, key in zip(scopes, ("do", "not"), strict=True)}
    assert (scopes, found.missing_params) == (said, case.get("ask", []))
    assert all(any(part in note for note in found.notes) for part in case.get("told", []))
    assert "198.51.100" not in str((found.model_dump(), CLIENT.understand_request(REQUEST + case["text"])))


@pytest.mark.parametrize("case", CASES, ids=[one["text"] for one in CASES])
def test_every_character_is_accounted_for(case: dict[str, Any]) -> None:
    """账目照旧覆盖原文的每一个字。"""
    text = REQUEST + case["text"]
    spans = CLIENT.account_of(text)
    assert "".join(span.text for span in spans) == text
    assert [span.start for span in spans[1:]] == [span.end for span in spans[:-1]]


@pytest.mark.parametrize(
    "text", ["升到 v12", "12 台一批", "gate 模块", "国际登机口", "10.0.0.12", "A123 次航班", "a12-b"]
)
def test_not_a_name(text: str) -> None:
    """这些不是名称，也不是写法像名称的。"""
    assert [
        m for m in mentions_in(text, Inventory("", [Row("10.0.0.9", "12"), Row("10.0.0.8", "gate")])) if m.ips
    ] == []
    assert [m for m in mentions_in(text, STOCK) if m.ips] == []


def test_two_that_are_said_alike() -> None:
    """编号相同的两台、与一组同名的一台：问是哪一个。"""
    stock = Inventory("", [Row("10.0.0.1", "A12 柜台"), Row("10.0.0.2", "A12 登机口"), Row("10.0.0.3", "B1", ("C1",))])
    (found,) = mentions_in("升级 A12", stock)
    assert ("A12 柜台" in found.why, "A12 登机口" in found.why, found.ips) == (True, True, ())
    same = Inventory("", [Row("10.0.0.1", "VIP1"), Row("10.0.0.2", "B1", ("VIP1",)), Row("10.0.0.3", "B2", ("VIP1",))])
    assert mentions_in("升级 VIP1", same)[0].why


def test_names_in_an_answer() -> None:
    """答问题时，只有一台的名称换成地址，别的原样。"""
    assert put_addresses("A12退回，B99 重试", STOCK) == " 10.0.0.2 退回，B99 重试"
    assert put_addresses("T2 值机岛都退", STOCK) == "T2 值机岛都退"


def test_ten_thousand_names_are_found_quickly() -> None:
    """一万个名称，一句话一眨眼；第一句连同建索引也快。"""
    rows = [Row(f"10.{n // 60000}.{n // 250 % 240}.{n % 250 + 1}", f"K{n} 柜台", ("T2 值机岛",)) for n in range(10_000)]
    stock, text = Inventory("", rows), "先做 K77、K9999 柜台，再做 Q12 柜台，" + "其余的等通知。" * 100
    began = time.process_time()
    assert [m.ips for m in mentions_in(text, stock)][:2] == [(rows[77].ip,), (rows[9999].ip,)]
    assert time.process_time() - began < patience(1.0)
    began = time.process_time()
    mentions_in(text, stock)
    assert time.process_time() - began < patience(0.1)
