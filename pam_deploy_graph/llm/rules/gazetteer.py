"""机场名录：中国的与常见的取自随包的表，世界其余的取自 ``airportsdata``。"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pam_deploy_graph.llm.text.lexicon import FLAGS, rows


@dataclass(frozen=True)
class Gazetteer:
    """名录：``names`` 是「名字 -> （可能的机场，是否单说也算）」，``pattern`` 匹配其中任何一个名字。"""

    codes: frozenset[str]
    names: dict[str, tuple[frozenset[str], bool]]
    labels: dict[str, str]
    pattern: re.Pattern[str]

    def lookup(self, name: str) -> tuple[frozenset[str], bool]:
        """查一个名字；返回可能的机场，以及单说这个名字是否就算数。"""
        return self.names[_key(name)]

    def label(self, code: str) -> str:
        """给人看的称呼，例如 ``浦东 PVG``。"""
        return f"{self.labels[code]} {code}" if self.labels.get(code) else code


@dataclass(frozen=True)
class World:
    """世界名录：三字码，以及英文城市名（小写）到机场。"""

    codes: frozenset[str]
    cities: dict[str, frozenset[str]]


@cache
def gazetteer() -> Gazetteer:
    """读随包的两张表。"""
    found: defaultdict[str, set[str]] = defaultdict(set)
    weak: set[str] = set()
    labels: dict[str, str] = {}
    for row in [*rows("airports_cn"), *rows("airports_world")]:
        for written in _spellings(row):
            name = _key(written.rstrip("?"))
            found[name].add(row["code"])
            if written.endswith("?"):
                weak.add(name)
        labels[row["code"]] = row["city"].split("|")[0].rstrip("?") + row["names"].split("|")[0].rstrip("?")
    names = {name: (frozenset(codes), name not in weak) for name, codes in found.items()}
    return Gazetteer(frozenset(labels), names, labels, _pattern(names))


def _spellings(row: dict[str, str]) -> Iterator[str]:
    """一座机场的各种写法，末尾的 ``?`` 表示单说时意思两可。"""
    for column in ("city", "names", "city_en", "names_en"):
        yield from (name for name in row[column].split("|") if name)


def _key(name: str) -> str:
    """查表用的写法：小写，空白合一，汉字之间的空白去掉。"""
    return re.sub(r"\s+", " " if name.isascii() else "", name.lower())


def _pattern(names: dict[str, tuple[frozenset[str], bool]]) -> re.Pattern[str]:
    """长的在前；字母写的名字前后不得再有字母，汉字之间可以有一个空格。"""
    ordered = sorted(names, key=len, reverse=True)
    letters = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in ordered if name.isascii())
    characters = "|".join(" ?".join(name) for name in ordered if not name.isascii())
    return re.compile(rf"(?<![a-z0-9_-])(?:{letters})(?![a-z0-9_-])|{characters}", FLAGS)


@cache
def worldwide() -> World:
    """读 ``airportsdata``；只有遇到表里没有的地名或三字码时才读。"""
    import airportsdata

    cities: defaultdict[str, set[str]] = defaultdict(set)
    data = airportsdata.load("IATA")
    for code, airport in data.items():
        for name in {airport["city"], airport["city"].removesuffix(" City"), _short(airport["name"])} - {""}:
            cities[name.lower()].add(code)
    return World(frozenset(data), {name: frozenset(codes) for name, codes in cities.items()})


def names_of(code: str) -> list[str]:
    """只指这一座机场的英文城市名与机场名，小写；一城几场的不算。"""
    return [name for name, codes in worldwide().cities.items() if codes == {code}]


def _short(name: str) -> str:
    """去掉名字末尾的 International Airport 之类。"""
    return re.sub(r"\s*(?:International|Intl|Regional|Municipal)?\s*Airport$", "", name)
