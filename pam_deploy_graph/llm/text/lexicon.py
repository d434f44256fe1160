"""读取随包的词表与规则表；用到时才读，只读一次。"""

import csv
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.llm.text.numbers import NUMBER

FLAGS: Final = re.IGNORECASE | re.ASCII
"""不分大小写；``\\w``、``\\d``、``\\b`` 只认 ASCII，这样汉字与字母之间也算词界。"""
_DATA = Path(__file__).parents[1] / "data"


@cache
def table(name: str) -> dict[str, Any]:
    """读一个 TOML 规则表。"""
    return tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))


def rows(name: str) -> list[dict[str, str]]:
    """读一个 CSV 表。"""
    with (_DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compile_all(patterns: list[str], **placeholders: str) -> tuple[re.Pattern[str], ...]:
    """编译一组模式，不分大小写；``{N}`` 等占位换成所指的模式。"""
    compiled = []
    for pattern in patterns:
        for name, value in {"N": NUMBER, **placeholders}.items():
            pattern = pattern.replace("{" + name + "}", value)  # noqa: PLW2901 —— 逐个替换占位
        compiled.append(re.compile(pattern, FLAGS))
    return tuple(compiled)


@cache
def words(name: str) -> tuple[re.Pattern[str], ...]:
    """取 ``words.toml`` 里的一组说法。"""
    return compile_all(table("words")[name])


@cache
def word_set(name: str) -> frozenset[str]:
    """取 ``names.toml`` 里的一组词。"""
    return frozenset(table("names")[name].split())
