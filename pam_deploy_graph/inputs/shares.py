"""份额：台数，或范围的百分之几（``canary``、``max_parallel``、``waves``）；折成台数的只有这里（contract 第 2 节）。"""

import re
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, Control, Kind
from pam_deploy_graph.i18n import tr

Share = int | str
"""台数，或 ``"25%"`` 这样的百分比。"""
_PERCENT: Final = re.compile(r"([0-9]{1,3})\s*%")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_WHOLE: Final = 100


def share(least: int, most: int | None) -> Callable[[object], Share]:
    """做一个「台数或百分比」的检查；``most`` 为 ``None`` 是没有上限。"""

    def check(value: object) -> Share:
        """返回整数，或 ``"25%"``。"""
        text = value.strip() if isinstance(value, str) else repr(value)
        if percent := _PERCENT.fullmatch(text):
            if 1 <= int(percent[1]) <= _WHOLE:
                return f"{int(percent[1])}%"
        elif _NUMBER.fullmatch(text) and int(text) >= least and (most is None or int(text) <= most):
            return int(text)
        limit = (
            tr("不小于 {least} ", least=least) if most is None else tr(" {least} 到 {most} ", least=least, most=most)
        )
        raise ValueError(tr("应为{limit}的整数，或 1% 到 100%", limit=limit))

    return check


def shares(least: int) -> Callable[[object], list[Share]]:
    """做一个「几批各做到哪里为止」的检查：台数与台数、百分比与百分比都要越来越大。"""
    check_one = share(least, None)

    def check(value: object) -> list[Share]:
        """接受列表，或逗号分隔的文字。"""
        items = re.split(r"[,，、;；]", value) if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not items:
            raise ValueError(tr("应为一列台数或百分比，例如 1, 5, 25%, 100%"))
        found = [check_one(item) for item in items]
        for kind in (int, str):
            same = [int(str(item).rstrip("%")) for item in found if isinstance(item, kind)]
            if any(after <= before for before, after in pairwise(same)):
                raise ValueError(tr("应一批比一批多，例如 1, 5, 25%, 100%"))
        return found

    return check


def in_numbers(control: Mapping[str, Any], scope: int) -> dict[str, Any]:
    """把控制参数里的百分比折成台数。

    Args:
        control: 检查过的控制参数。
        scope: 范围里有几台。

    Returns:
        同样的参数，份额都是整数；至少一台，``max_parallel`` 往下取整，其余往上。

    """
    return {name: _in_numbers(CONTROLS[name], value, scope) if value else value for name, value in control.items()}


def _in_numbers(row: Control, value: Any, scope: int) -> Any:
    """一个控制参数。"""
    if row.kind is Kind.SHARE:
        return _count(value, scope, row)
    if row.kind is Kind.SHARES:
        limits = accumulate((min(_count(item, scope, row), scope) for item in value), max)
        return list(dict.fromkeys(limits))
    return value


def _count(value: Share, scope: int, row: Control) -> int:
    """一个份额是几台。"""
    if isinstance(value, int):
        return value
    exact = scope * int(value.rstrip("%"))
    count = max(1, -(-exact // _WHOLE) if row.round_up else exact // _WHOLE)
    return count if row.most is None else min(count, row.most)
