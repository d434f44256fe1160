"""话里点了名的运行：整个词对得上才算。"""

import pytest

from pam_deploy_graph.runs.lookup import runs_named
from pam_deploy_graph.runs.open_questions import goes_on_bare

NAMES = {"1", "pek", "pek-2", "20261130_01"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("把 10.0.0.1 退回去", []),
        ("先做 1 台", []),
        ("运行 1 怎么样了", ["1"]),
        ("run 1 status", ["1"]),
        ("pek checkin/gate 1.2.3", []),
        ("继续运行 pek-2", ["pek-2"]),
        ("退回运行20261130_01之前", ["20261130_01"]),
        ("20261130_011 呢", []),
        ("show 20261130_01.", ["20261130_01"]),
    ],
)
def test_a_run_is_named_by_its_whole_name(text: str, named: list[str]) -> None:
    """「1」不在「10.0.0.1」里，``pek`` 不在 ``pek-2`` 里。"""
    assert runs_named(NAMES.__contains__, text) == named


@pytest.mark.parametrize(("text", "bare"), [("继续", True), ("那就继续。", True), ("Go on!", True), ("继续退", False)])
def test_only_a_bare_word_goes_on_at_once(text: str, *, bare: bool) -> None:
    """别的说法先问一句。"""
    assert goes_on_bare(text) is bare
