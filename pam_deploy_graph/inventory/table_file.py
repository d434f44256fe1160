"""读清单文件：CSV（逗号、分号、制表符）或 TOML，每一行都核对过才算数（contract 第 8 节）。"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import MAX_SCOPE
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import one_address
from pam_deploy_graph.inventory.encodings import decode
from pam_deploy_graph.inventory.stock import Inventory, Row, key_of
from pam_deploy_graph.system.safe_text import show_value
from pam_deploy_graph.system.trusted_files import read_trusted

_MOST_TOLD: Final = 5
_LONGEST: Final = 64
_DELIMITERS: Final = ",;\t"
_HEADERS: Final = {
    "ip": frozenset({"ip", "ip地址", "地址", "ipaddress", "address"}),
    "name": frozenset({"name", "名称", "名字", "柜台", "柜台名称", "柜台号", "工作站"}),
    "groups": frozenset({"groups", "group", "分组", "组", "区域"}),
}
_SEPARATOR: Final = re.compile(r"[;；/、|,，]")
_LISTING: Final = re.compile(r"[;；、,，]")
"""在选项里分隔各项的字：名称里有它就说不清了。"""
_SEP_LINE: Final = re.compile(r"sep=.", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"[0-9a-f]*[.:/][0-9a-f.:/-]*", re.IGNORECASE)
"""像地址、网段、版本的名称。"""


@dataclass(frozen=True, slots=True)
class _Cells:
    """文件里的一行，还没有核对；``place`` 是它在哪里。"""

    place: str
    ip: object
    name: object
    groups: object


def open_inventory(path: str) -> Inventory:
    """读一份清单；空串是没有清单。

    Raises:
        InvalidInputError: 读不了，太大，编码或格式看不懂，或有一行不合规则；消息说出文件、行与值。

    """
    if not path:
        return Inventory()
    text = _text(Path(path), tr("名称清单"))
    rows = _toml(path, text) if _is_toml(path) else _csv(path, text)
    if rows is None:
        raise InvalidInputError(
            tr("名称清单 {path} 的第一行应为表头，至少有 ip 与 name 两列（中文写 地址、名称 也行）", path=path)
        )
    return Inventory(path, _checked(path, rows))


def read_scope_file(path: str) -> list[str]:
    """读 ``--targets @FILE``：同样的格式，或一行一个地址、范围、名称（``#`` 之后是注释）。

    Returns:
        各项，照文件的次序；是清单的就是其中的地址。

    Raises:
        InvalidInputError: 同 ``open_inventory``，或一项也没有。

    """
    text = _text(Path(path), tr("目标清单"))
    rows = _toml(path, text) if _is_toml(path) else _csv(path, text)
    if rows is not None:
        found = [row.ip for row in _checked(path, rows)]
    else:
        found = [item for line in text.splitlines() if (item := line.partition("#")[0].strip())]
    if not found:
        raise InvalidInputError(tr("目标清单 {path} 里一台工作站都没有写", path=path))
    return found


def _text(path: Path, what: str) -> str:
    """读出文字。"""
    try:
        content = read_trusted(path)
    except PermissionError as error:
        raise InvalidInputError(
            tr(
                "{what} {path} 没有读：{filename} {problem}",
                what=what,
                path=path,
                filename=error.filename,
                problem=error.strerror,
            )
        ) from None
    except OSError as error:
        raise InvalidInputError(
            tr("{what} {path} 读不了：{problem}；请检查路径", what=what, path=path, problem=error.strerror)
        ) from None
    return decode(content, f"{what} {path}")


def _is_toml(path: str) -> bool:
    """是不是 TOML。"""
    return path.lower().endswith(".toml")


def _csv(path: str, text: str) -> list[_Cells] | None:
    """读 CSV；没有认得的表头为 ``None``。"""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip() and not _SEP_LINE.fullmatch(line)), 0)
    for delimiter in _DELIMITERS:
        columns = _columns(next(csv.reader([lines[first]], delimiter=delimiter), []))
        if {"ip", "name"} <= columns.keys():
            reader = csv.reader(lines[first + 1 :], delimiter=delimiter, strict=True)
            try:
                return list(islice(_cells(reader, columns, first + 1), MAX_SCOPE + 1))
            except csv.Error as error:
                raise InvalidInputError(
                    tr(
                        "{path} 第 {first} 行不是完整的 CSV：{error}",
                        path=path,
                        first=first + 1 + reader.line_num,
                        error=error,
                    )
                ) from None
    return None


def _columns(header: Sequence[str]) -> dict[str, int]:
    """各列在第几格。"""
    names = [key_of(cell).replace(" ", "") for cell in header]
    return {
        column: place
        for column, known in _HEADERS.items()
        for place in range(len(names))
        if names[place] in known and names.index(names[place]) == place
    }


def _cells(reader: Any, columns: Mapping[str, int], before: int) -> Iterator[_Cells]:
    """逐行给出；整行空白的不算。"""
    for row in reader:
        if any(cell.strip() for cell in row):
            found = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
            yield _Cells(
                tr("第 {before} 行", before=before + reader.line_num),
                found["ip"],
                found["name"],
                found.get("groups", ""),
            )


def _toml(path: str, text: str) -> list[_Cells]:
    """读 TOML：一个表的数组，键是 ``ip``、``name``、``groups``。"""
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(tr("{path} 不是完整的 TOML：{error}", path=path, error=error)) from None
    tables = [value for value in data.values() if isinstance(value, list)]
    if len(data) != 1 or len(tables) != 1 or not all(isinstance(each, dict) for each in tables[0]):
        raise InvalidInputError(tr("{path} 里应为一组 [[workstation]]，各有 ip、name，可以有 groups", path=path))
    heads = [number for number, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[", line)]
    found = []
    for number, each in enumerate(tables[0][: MAX_SCOPE + 1]):
        columns = _columns(list(each))
        cells = {column: each[list(each)[place]] for column, place in columns.items()}
        place = (
            tr("第 {heads} 行起的一项", heads=heads[number])
            if len(heads) == len(tables[0])
            else tr("第 {number} 项", number=number + 1)
        )
        found.append(_Cells(place, cells.get("ip", ""), cells.get("name", ""), cells.get("groups", "")))
    return found


def _checked(path: str, rows: Sequence[_Cells]) -> list[Row]:
    """逐行核对。

    Raises:
        InvalidInputError: 有不合规则的；最多列出几处。

    """
    if len(rows) > MAX_SCOPE:
        raise InvalidInputError(tr("{path} 太长：最多 {max_scope} 行", path=path, max_scope=MAX_SCOPE))
    if not rows:
        raise InvalidInputError(tr("{path} 里一台工作站都没有写", path=path))
    found: list[Row] = []
    wrong: list[str] = []
    places: dict[tuple[str, str], str] = {}
    for cells in rows:
        try:
            row = _row(cells)
        except InvalidInputError as error:
            wrong.append(f"{path} {cells.place}: {error}")
            continue
        told = {("IP", row.ip): row.ip, (tr("名称"), key_of(row.name)): row.name}
        wrong += [
            tr(
                "{path} {place}: {key} 的值 {value} 与{places}重复",
                path=path,
                place=cells.place,
                key=key[0],
                value=show_value(value),
                places=places[key],
            )
            for key, value in told.items()
            if key in places
        ]
        places |= dict.fromkeys(told, cells.place)
        found.append(row)
    if wrong:
        more = [tr("……还有 {n} 处", n=len(wrong) - _MOST_TOLD)] if len(wrong) > _MOST_TOLD else []
        raise InvalidInputError("\n".join([*wrong[:_MOST_TOLD], *more]))
    return found


def _row(cells: _Cells) -> Row:
    """核对一行。"""
    if not isinstance(cells.ip, str) or not cells.ip.strip():
        raise InvalidInputError(
            tr("IP 是空的") if cells.ip == "" else tr("IP 的值 {ip} 应为一个地址", ip=show_value(cells.ip))
        )
    name = _label(tr("名称"), cells.name)
    given = _SEPARATOR.split(cells.groups) if isinstance(cells.groups, str) else cells.groups
    if not isinstance(given, list):
        raise InvalidInputError(tr("分组的值 {groups} 应为文字的列表", groups=show_value(cells.groups)))
    groups = [_label(tr("分组"), each) for each in given if not (isinstance(each, str) and not each.strip())]
    return Row(one_address(cells.ip.strip()), name, tuple(dict.fromkeys(groups)))


def _label(what: str, value: object) -> str:
    """核对一个名称或组名。"""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    rule = ""
    if not isinstance(value, str):
        rule = tr("应为文字")
    elif not text:
        raise InvalidInputError(tr("{what}是空的", what=what))
    elif len(text) > _LONGEST:
        rule = tr("太长：最多 {longest} 个字", longest=_LONGEST)
    elif not text.isprintable():
        rule = tr("里有看不见的字符")
    elif _LISTING.search(text):
        rule = tr("里不能有逗号、分号与顿号")
    elif _NUMBERS.fullmatch(text):
        rule = tr("像地址或版本，请换一个叫法")
    if rule:
        raise InvalidInputError(tr("{what}的值 {value} {rule}", what=what, value=show_value(value), rule=rule))
    return text
