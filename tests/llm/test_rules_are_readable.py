"""规则读得懂、改得动：一行一种说法，不长过一行；没有一句话用得着的说法说得出名字（``tools/rule_coverage.py``）。"""

from pathlib import Path

import pytest

import pam_deploy_graph.llm
from tools.rule_coverage import alternatives, coverage

TABLES = sorted((Path(pam_deploy_graph.llm.__file__).parent / "data").glob("*.toml"))
LONGEST = 120
MOST_DEAD = 0.45
"""没有一句话用得着的说法最多占几成：那些是为没见过的话写的。"""


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_no_line_is_longer_than_a_line(path: Path) -> None:
    """改一个词就是改一行。"""
    long = [
        number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > LONGEST
    ]
    assert long == []


def test_every_alternative_is_named_with_what_it_catches() -> None:
    """每一种说法都列得出它听到的一句，或者列为没有用到的；没有用到的不多。"""
    found = coverage()
    assert len(found) == len(list(alternatives()))
    dead = [f"{group} {form}" for group, form, text in found if not text]
    assert len(dead) <= MOST_DEAD * len(found), dead
