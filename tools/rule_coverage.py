"""每一种说法听得到哪一句话：逐个列出，听不到的（死的）单列。

用法::

    python -m tools.rule_coverage          # 逐个说法列出头一句听得到的话
    python -m tools.rule_coverage --dead   # 只列听不到的
"""

import argparse
import json
from collections.abc import Iterator
from typing import Any, Final

from pam_deploy_graph.llm.rules.draft import HIDDEN
from pam_deploy_graph.llm.rules.extraction import hear
from pam_deploy_graph.llm.text.lexicon import compile_all, table
from tools.eval import DATA

TABLES: Final = ("moods", "remarks", "filler")
"""说法一行一种、先中哪个都一样的表。"""
SETS: Final = {"requests": 1, "kinds": 1, "answers": 1, "heldout": 3, "dev": 12}
"""各集每几句取一句。"""


def utterances() -> list[str]:
    """用来听的话，写成规则看到的样子。"""
    rows = [
        line
        for name, step in SETS.items()
        for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[::step]
    ]
    return [hear(json.loads(row)["text"]).text.replace(HIDDEN, " ") for row in rows]


def alternatives() -> Iterator[tuple[str, str, Any]]:
    """逐个给出（表与组、说法、编译好的）。"""
    for name in TABLES:
        data = dict(table(name))
        words = data.pop("words", {})
        for group, forms in _flat(data):
            compiled = compile_all(forms, **words)
            yield from ((f"{name}.{group}", form, one) for form, one in zip(forms, compiled, strict=True))


def _flat(data: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """逐组给出；组里还有组的写成「组.项」。"""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", forms) for name, forms in value.items())
        else:
            yield key, value


def coverage() -> list[tuple[str, str, str]]:
    """每一种说法头一句听得到的话；听不到的为空串。"""
    said = utterances()
    return [
        (group, form, next((text for text in said if compiled.search(text)), ""))
        for group, form, compiled in alternatives()
    ]


def main() -> int:
    """列出来。"""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dead", action="store_true")
    options = parser.parse_args()
    for group, form, text in coverage():
        if not (options.dead and text):
            print(f"{group}\t{form}\t{text[:60] or '（没有）'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
