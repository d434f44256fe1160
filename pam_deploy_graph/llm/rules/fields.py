"""表单与表格：「名目：值」一行一项，或一列一项。名目说得出值是什么，值因此不必猜（依据 contract 第 4 节）。

名目在 ``fields.toml``。写着参数的记在 ``Draft.fields``：读完之后逐项核对，值里没有读出那一项的去问；
人名、单号、日期、原来的版本、别处的地址，不是这一回要的，别的读法当它们没有说。
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.span_account import As, Label
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table

_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_BINDING: Final = re.compile(
    r"[不别勿莫只仅除停装升]|跳过|请|部署|更新|继续|取消|回滚|退回|发布"
    r"|\b(?:not|only|except|skip|leave|please|stop|deploy\w*|install\w*|upgrad\w*|roll\w*|resume|cancel)\b",
    FLAGS,
)
"""缘由里有这些字，就不只是缘由。"""
_NUMBERING: Final = r"(?:[-*•·#]|\(?\d{1,2}[.)、](?!\d)|\(?[一二三四五六七八九十]{1,2}[)、.])"
_ENDS: Final = re.compile(r"[\n。;]|\s/\s|[|,]\s*(?=[^|,\n:=]{1,12}[:=])|\s(?=[^\s:=|,]{1,12}[:=])|\)", FLAGS)
_ASSIGNED: Final = re.compile(r"\S+")
_CELL: Final = re.compile(r"[^|\n]+")
_LINE: Final = re.compile(r"[^\n]+")
_WRITTEN: Final = r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]|[A-Za-z]"
_NOTE: Final = r"\s*(?:[(#][^\n]*)?[\s,;.。]*"
_NAME: Final = re.compile(rf"\s*(?P<one>{_WRITTEN}){_NOTE}")
_PAIR: Final = re.compile(rf"\s*(?P<one>{_WRITTEN})\s*[/·、,|]\s*(?P<two>{_WRITTEN})(?=[\s,;.。(#]|$)")
_RULE: Final = re.compile(r"[\s|:-]+")
_VALUE: Final = re.compile(r"\d\.\d")
_ASIDE: Final = re.compile(r"\([^()]*\)?|#.*")
_TOLD: Final = re.compile(r"[\u4e00-\u9fffA-Za-z\d]")
_NAMES: Final = ("APP_NAME", "MODULE_NAME")
_SHOWN: Final = 24
_HEADED: Final = 2
"""一行里至少几个格是名目，才是表头。"""
_KINDS: Final = {"past": As.PAST, "other": As.NOT_DONE, "idle": As.FILLER, "reason": As.FILLER}
_VERSION: Final = re.compile(r"(?<![\d.])\d+(?:\.\d+){1,3}(?![\d.])")
Field = tuple[str, int, int, int]
"""一项：名目说它是什么，从哪里起，值的起止。"""


def read_fields(draft: Draft) -> None:
    """认出各项；断定得了的名字记下，不是这一回要的放下，写着参数的留着核对。"""
    for name, head, start, end in [*_lines(draft.text), *_rows(draft.text)]:
        value = draft.text[start:end]
        draft.account.claim(head, start, As.FILLER)
        if kind := _KINDS.get(name):
            _set_aside(draft, name, kind, (head, start, end))
        else:
            draft.fields.append((name, start, end))
            _name(draft, name, start, value)


def _set_aside(draft: Draft, name: str, kind: As, place: tuple[int, int, int]) -> None:
    """放下一项；话里还限定了什么的照常听，原来的版本记下。"""
    head, start, end = place
    value = draft.text[start:end]
    if not value.strip() or (name != "other" and _BINDING.search(value)):
        return
    draft.former += _VERSION.findall(value) if name == "past" else []
    draft.hide(head, end, kind, "other_address" if _ADDRESS.search(value) else "")


def weigh_fields(draft: Draft) -> None:
    """表单里写着一项参数的值，没有读成那一项，或只读了一部分：去问。"""
    for name, start, end in draft.fields:
        value, labels = draft.original[start:end], draft.account.labels[start:end]
        read_as = {label[1] for label in labels if label and label[0] is As.SLOT} - {"intent"}
        left = bool(_TOLD.search("".join(map(_unread, _ASIDE.sub(_blank, value), labels))))
        bare = not _TOLD.search(value)
        for each in _NAMES if name == "pair" else (name,):
            if each in draft.params and draft.params[each] in value:
                continue
            if each in draft.params:
                wrong = each in draft.guessed if bare else (not read_as or (left and name != "VERSION_NUMBER"))
            else:
                wrong = each == "target_ips" and not (bare or _says_all(value)) and read_as <= {"scope"}
                wrong = wrong and (left or not read_as)
            if wrong:
                draft.leave_open(
                    each,
                    tr(
                        "「{value}」写在该写 {each} 的地方，没有听懂：请说明 {each}",
                        value=value.strip()[:_SHOWN],
                        each=each,
                    ),
                )


def _unread(char: str, label: Label | None) -> str:
    """没有着落的字。"""
    return char if label is None or label[0] is As.UNREAD else ""


def _blank(found: re.Match[str]) -> str:
    """一样长的空白。"""
    return " " * len(found.group())


def _says_all(value: str) -> bool:
    """说的是全部。"""
    return any(form.search(value) for form in compile_all(table("statements")["everyone"]))


def _name(draft: Draft, name: str, start: int, value: str) -> None:
    """值只有一个名字、或「应用/模块」的，断定下来。"""
    named = {start for start, _ in draft.names.items()}
    if name in {"APP_NAME", "MODULE_NAME"} and (found := _NAME.fullmatch(value)):
        roles = {"one": name}
    elif name in {"pair", "APP_NAME"} and (found := _PAIR.match(value)):
        roles = {"one": "APP_NAME", "two": "MODULE_NAME"}
    else:
        return
    for group, role in roles.items():
        if start + found.start(group) not in named:
            draft.name(start + found.start(group), start + found.end(group), role, found[group])


def _lines(text: str) -> Iterator[Field]:
    """「名目：值」：一行一项，或一行里几项。"""
    heads = [match for match in _inline().finditer(text) if "|" not in _line(text, match.start())]
    for place, head in enumerate(heads):
        name = _fields()[_key(head["first"] or head["key"])]
        if not head["first"] and name in _KINDS and text[: head.start()].rstrip(" ")[-1:] not in {"", *"\n;|/,。"}:
            continue
        stop = _ENDS.search(text, head.end())
        end = stop.start() if stop else len(text)
        if name in {"idle", "reason"}:
            end = min(text.find("\n", head.end()) % (len(text) + 1), len(text))
        if head.group().rstrip().endswith("=") and _line(text, head.start()).count("=") >= _HEADED:
            assigned = _ASSIGNED.match(text, head.end())
            end = assigned.end() if assigned else head.end()
        after = heads[place + 1].start() if place + 1 < len(heads) else len(text)
        yield name, head.start(), head.end(), max(head.end(), min(end, after))


def _rows(text: str) -> Iterator[Field]:
    """竖线隔开的：名目在左边一格，或在上面的表头。"""
    headed: dict[int, str] = {}
    for line in _LINE.finditer(text):
        if "|" not in line.group():
            headed = {}
            continue
        if _RULE.fullmatch(line.group()):
            continue
        cells = [(text.count("|", line.start(), cell.start()), cell) for cell in _CELL.finditer(text, *line.span())]
        told = {column: _fields().get(_key(cell.group()), "") for column, cell in cells}
        known = [column for column, name in told.items() if name and name not in {"idle", "reason"}]
        if len(known) >= _HEADED or (known and not headed and _is_heading(text, line)):
            headed = {column: told[column] for column in known}
        elif headed:
            yield from ((headed[column], cell.start(), *cell.span()) for column, cell in cells if column in headed)
        elif known and (value := [cell for column, cell in cells if column > known[0]]):
            yield told[known[0]], value[0].start(), *value[0].span()


def _is_heading(text: str, line: re.Match[str]) -> bool:
    """自己没有值，下面一行同一张表里有：这一行是表头。"""
    row = next((one for one in text[line.end() + 1 :].split("\n") if not _RULE.fullmatch(one)), "")
    keyed = any(_key(one) in _fields() for one in row.split("|"))
    return "|" in row and not keyed and bool(_VALUE.search(row)) and not _VALUE.search(line.group())


def _line(text: str, place: int) -> str:
    """一处所在的一行。"""
    end = text.find("\n", place)
    return text[text.rfind("\n", 0, place) + 1 : end if end >= 0 else len(text)]


def _key(written: str) -> str:
    """名目去掉编号与空白。"""
    return re.sub(r"\s*([/&-])\s*", r"\1", re.sub(rf"^\s*{_NUMBERING}\s*|[\s:(]+$|^\s+", "", written)).lower()


@cache
def _fields() -> dict[str, str]:
    """名目 -> 是什么；应用的名目与模块的名目用斜杠连着的，后面写的是一对。"""
    data = table("fields")
    groups = {**data["params"], **data["aside"]}
    known = {key.strip(): name for name, keys in groups.items() for key in re.split(r"[|\n]", keys) if key.strip()}
    parts = [[key for key, name in known.items() if name == wanted] for wanted in ("APP_NAME", "MODULE_NAME")]
    return {f"{one}/{two}": "pair" for one, two in product(*parts) if one.isascii() is two.isascii()} | known


@cache
def _inline() -> re.Pattern[str]:
    """行首的、或空白与句读之后的名目，连同后面的冒号、等号。"""
    keys = "|".join(re.escape(key).replace("/", r"\s?/\s?") for key in sorted(_fields(), key=len, reverse=True))
    return re.compile(
        rf"(?:^\s*(?:{_NUMBERING}\s*)?(?P<first>{keys})\s*(?::(?!//)|=(?!=)|(?<=[a-z]), )"
        rf"|(?<=[\s,;/([。])(?P<key>{keys})\s*(?::(?!//)|=(?!=)))[^\S\n]*",
        FLAGS | re.MULTILINE,
    )
