"""一句话里的决定：整句都听得懂才算，有一个字没有着落就不是决定（contract 第 5 节「决定」）。"""

import json
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm import asks_again_for_failed, read_spoken_decisions
from tools.understanding import NOTHING, hear_answer

IPS = ["10.0.0.3", "10.0.0.4", "10.0.0.5"]
UNDECIDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "undecided.jsonl").read_text(encoding="utf-8").splitlines()
]
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


@pytest.mark.parametrize("ask", ["approve_plan", "rollback-ip"])
def test_what_only_resembles_a_decision_decides_nothing(ask: str) -> None:
    """像决定而不是的：在问、有条件、以后再说、转述、双重否定、只说了一半，一样也不听。"""
    texts = [row["text"] for row in UNDECIDED if row["ask"] == ask]
    assert len(texts) > 50
    assert {text: heard for text in texts if (heard := hear_answer(ask, text)) != NOTHING} == {}


@pytest.mark.parametrize("stray", ["喵喵", "老王的意思", "the moon is round", "七楼", "qwe", "除非下雨", "才怪"])
@pytest.mark.parametrize("decision", ["全部回滚", "都重试", "roll back both", "10.0.0.4 退，10.0.0.3 重试", "同意"])
@pytest.mark.parametrize("shape", ["{0}，{1}", "{1}，{0}", "{1}{0}", "{0}。{1}"])
def test_a_word_left_over_decides_nothing(decision: str, stray: str, shape: str) -> None:
    """动手的决定旁边有一个字没有着落，就一台也不算，并且念出来。"""
    with pytest.raises(InvalidInputError):
        read_spoken_decisions(shape.format(decision, stray), IPS)


def test_a_long_sentence_is_not_read_by_halves() -> None:
    """太长的不读：只读开头会漏掉末尾的「除了」。"""
    with pytest.raises(InvalidInputError):
        read_spoken_decisions(f"全部回滚{'请' * 2_500}，除了 10.0.0.3", IPS)
