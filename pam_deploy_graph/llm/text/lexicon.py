"""读取随包的词表与规则表；用到时才读，只读一次。"""

import csv
import re
import tomllib
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.llm.text.numbers import NUMBER

FLAGS: Final = re.IGNORECASE | re.ASCII
"""不分大小写；``\\w``、``\\d``、``\\b`` 只认 ASCII，这样汉字与字母之间也算词界。"""
_PAIRS: Final = "colloquial"
"""这个表里的数组是「左边换成右边」，不是一种说法。"""
_DATA = Path(__file__).parents[1] / "data"


@cache
def table(name: str) -> dict[str, Any]:
    """读一个 TOML 规则表；一种说法太长的分几行写成数组，在这里接起来。"""
    data: dict[str, Any] = tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))
    return data if name == _PAIRS else {key: _joined(value) for key, value in data.items()}


def _joined(value: Any) -> Any:
    """说法的数组里，分几行写的一种接成一个。"""
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    if isinstance(value, list):
        return ["".join(item) if isinstance(item, list) else _joined(item) for item in value]
    return value


def rows(name: str) -> list[dict[str, str]]:
    """读一个 CSV 表。"""
    with (_DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compile_all(patterns: Sequence[str | list[str]], **placeholders: str | list[str]) -> tuple[re.Pattern[str], ...]:
    """编译一组模式，不分大小写；``{N}`` 等占位换成所指的模式。"""
    compiled = []
    for written in patterns:
        pattern = "".join(written)
        for name, value in [*placeholders.items(), *placeholders.items(), ("N", NUMBER)]:  # 占位里还可以有占位
            pattern = pattern.replace("{" + name + "}", "".join(value))
        compiled.append(re.compile(pattern, FLAGS))
    return tuple(compiled)


@cache
def forms_of(file: str, name: str) -> tuple[re.Pattern[str], ...]:
    """取一份说法表里的一组说法。"""
    return compile_all(table(file)[name])


words: Final = partial(forms_of, "words")
"""取 ``words.toml`` 里的一组说法。"""


@cache
def word_set(name: str) -> frozenset[str]:
    """取 ``names.toml`` 里的一组词。"""
    return frozenset(table("names")[name].split())
