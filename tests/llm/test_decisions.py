"""一句话里的决定：整句都听得懂才算，有一个字没有着落就不是决定（contract 第 5 节「决定」）。"""

import json
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm import asks_again_for_failed, read_spoken_decisions

IPS = ["10.0.0.3", "10.0.0.4", "10.0.0.5"]
CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "（空）")
def test_spoken_decisions(case: dict[str, Any]) -> None:
    """决定落到说的那几台上；听不懂、自相矛盾、说到不在等的，一台也不算。"""
    try:
        decided: dict[str, str] | None = {ip: str(d) for ip, d in read_spoken_decisions(case["text"], IPS).items()}
    except InvalidInputError:
        decided = None
    assert decided == case.get("decided")
    assert asks_again_for_failed(case["text"]) is case.get("again", False)


def test_a_long_sentence_is_not_read_by_halves() -> None:
    """太长的不读：只读开头会漏掉末尾的「除了」。"""
    with pytest.raises(InvalidInputError):
        read_spoken_decisions(f"全部回滚{'请' * 2_500}，除了 10.0.0.3", IPS)
