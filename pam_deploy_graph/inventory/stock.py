"""清单本身：地址叫什么，一个名称、一组、一个编号说的是哪几台；只查，不猜。"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from pam_deploy_graph.inputs.addresses import same_ip
from pam_deploy_graph.models import AgentState

_ASCII_GAP: Final = re.compile(r"(?<=[!-~])\s+(?=[!-~])")
_CODE: Final = re.compile(r"([a-z]+)-?([0-9]+)(?=[^\x00-\x7f]| |$)")
_DIGITS: Final = re.compile(r"[0-9]+")
_NEAR: Final = 3
_COMPARED: Final = 400
_ALIKE: Final = 0.5


class Kind(StrEnum):
    """一个说法是什么：一台的名称、一组、名称开头的编号。"""

    NAME = "name"
    GROUP = "group"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Row:
    """清单的一行，核对过了。"""

    ip: str
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """一个说法说的是哪几台。"""

    label: str
    kind: Kind
    ips: tuple[str, ...]


def key_of(text: str) -> str:
    """比较用的写法：全角成半角，不分大小写，汉字旁边的空白不算，英文词之间的算一个空格。"""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    return "".join(_ASCII_GAP.sub("\0", folded).split()).replace("\0", " ")


class Inventory:
    """名称清单；没有清单就是一份空的。"""

    def __init__(self, path: str = "", rows: Sequence[Row] = ()) -> None:
        """收下核对过的各行；``path`` 是文件，空串为没有清单。"""
        self.path = path
        self.names: Mapping[str, str] = {row.ip: row.name for row in rows}
        """地址 -> 名称。"""
        groups: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            for group in row.groups:
                groups[group].append(row.ip)
        self.groups: Mapping[str, tuple[str, ...]] = {group: tuple(ips) for group, ips in groups.items()}
        """组 -> 其中各台，照文件的次序。"""

    @classmethod
    def of_names(cls, names: Mapping[str, str]) -> "Inventory":
        """由「地址 -> 名称」建一份，例如一个问题里的几台。"""
        return cls("", [Row(ip, name) for ip, name in names.items()])

    def __bool__(self) -> bool:
        """有没有写着什么。"""
        return bool(self.names)

    @cached_property
    def index(self) -> Mapping[str, list[Entry]]:
        """比较用的写法 -> 说的可能是哪几个；不止一个就要问。"""
        found: dict[str, list[Entry]] = defaultdict(list)
        for ip, name in self.names.items():
            found[key_of(name)].append(Entry(name, Kind.NAME, (ip,)))
        for group, ips in self.groups.items():
            found[key_of(group)].append(Entry(group, Kind.GROUP, ips))
        exact = set(found)
        for ip, name in self.names.items():
            key = key_of(name)
            code = _CODE.match(key)
            if code and code.group() not in exact:
                found[code.group()].append(Entry(name, Kind.CODE, (ip,)))
        return dict(found)

    @cached_property
    def lengths(self) -> Mapping[str, list[int]]:
        """首字 -> 这个字开头的说法有几种长度，长的在前。"""
        found: dict[str, set[int]] = defaultdict(set)
        for key in self.index:
            found[key[0]].add(len(key))
        return {first: sorted(sizes, reverse=True) for first, sizes in found.items()}

    @cached_property
    def codes(self) -> Mapping[str, Mapping[int, list[Entry]]]:
        """编号的字母 -> 数 -> 哪几台：「A12 到 A15」由此数出来。"""
        found: dict[str, dict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for ip, name in self.names.items():
            if code := _CODE.match(key_of(name)):
                found[code[1]][int(code[2])].append(Entry(name, Kind.CODE, (ip,)))
        return {letters: dict(numbers) for letters, numbers in found.items()}

    def find(self, text: str) -> list[Entry]:
        """一个说法说的可能是哪几个；说的是同样几台的算一个，没有为空。"""
        found = self.index.get(key_of(text), [])
        return list({entry.ips: entry for entry in reversed(found)}.values())[::-1]

    def address_of(self, text: str) -> str:
        """一台的地址：写的是名称的换成地址，别的照 ``same_ip``。"""
        found = self.find(text)
        return found[0].ips[0] if len(found) == 1 and len(found[0].ips) == 1 else same_ip(text)

    def near(self, text: str) -> list[str]:
        """清单里写法最像的几个。"""
        import difflib  # 只在问的时候用到，载入它要几毫秒

        key = key_of(text)
        numbers = set(_DIGITS.findall(key))
        alike = [
            each
            for each in self.index
            if each[:1] == key[:1] or (numbers and numbers & set(_DIGITS.findall(each))) or key in each
        ]
        alike.sort(key=lambda each: (not numbers & set(_DIGITS.findall(each)), abs(len(each) - len(key))))
        keys = difflib.get_close_matches(key, alike[:_COMPARED], _NEAR, _ALIKE)
        return list(dict.fromkeys(self.index[each][0].label for each in keys))

    def lend_names(self, state: AgentState) -> AgentState:
        """提出计划时没有记下名称的，照这份清单写上；记下了的照旧。原样返回它。"""
        if not state.names and self:
            state.names = self.named(
                [*(state.planned_ips or ()), *state.target_ips, *state.ip_states, *state.missing_ips]
            )
        return state

    def named(self, ips: Iterable[str]) -> dict[str, str]:
        """其中有名称的几台。"""
        return {ip: self.names[ip] for ip in ips if ip in self.names}


EMPTY: Final = Inventory()
