"""改主意时的工作站清单：加上、换成、全部（数据在 ``rescoping.jsonl``）。"""

import json
from typing import Any

import pytest

from pam_deploy_graph.llm import RuleBasedLlmClient, merge_control
from tools.eval import DATA

CASES = [json.loads(line) for line in (DATA / "rescoping.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[f"{one['before']} {one['text']}" for one in CASES])
def test_merged(case: dict[str, Any]) -> None:
    """先前的清单加上一句话。此前再点名一台总是换掉先前的，「全部都装」听不出来。"""
    found = RuleBasedLlmClient().extract_params(case["text"], {"AIRPORT_CODE": "PEK"}).control_params
    assert merge_control(case["before"], found, case["text"]) == case["after"]
