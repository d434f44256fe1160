"""计划等着的时候改一项：听出改的是哪一项、改成多少，不改别的（数据在 ``amending.jsonl``）。"""

import json
from typing import Any

import pytest

from pam_deploy_graph.llm import RuleBasedLlmClient
from tests.graph.desk import PARAMS
from tools.eval import DATA

CASES = [json.loads(line) for line in (DATA / "amending.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[one["text"] for one in CASES])
def test_heard(case: dict[str, Any]) -> None:
    """已知全部参数时的一句话；此前「改成」多半听不出，模块当作应用。"""
    found = RuleBasedLlmClient().extract_params(case["text"], PARAMS)
    assert ({**found.extracted_params, **found.control_params}, found.notes) == (case["found"], [])
