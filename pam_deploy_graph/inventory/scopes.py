"""选项与键值里的范围：名称、组换成地址，``@FILE`` 读进来；认不得的说出来，连同像的（contract 第 8 节）。"""

import re
from collections.abc import Mapping
from typing import Any, Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory.stock import Inventory
from pam_deploy_graph.inventory.table_file import read_scope_file
from pam_deploy_graph.system.safe_text import show_value

_SCOPES: Final = ("target_ips", "exclude_ips")
_SPLIT: Final = re.compile(r"[,;，；、\n]+")
_ADDRESSES: Final = re.compile(r"[0-9A-Fa-f.:/\-\s]*[.:][0-9A-Fa-f.:/\-\s]*")


def name_scopes(control: Mapping[str, Any], inventory: Inventory, *, files: bool = False) -> dict[str, Any]:
    """把控制参数里的范围换成地址；别的项原样。

    Args:
        control: 控制参数，还没有检查。
        inventory: 名称清单。
        files: 认不认 ``@FILE``；只有命令行的选项认。

    Raises:
        InvalidInputError: 有清单里没有的名称、有两种意思的名称，或文件读不了。

    """
    scopes = {name: _addressed(control[name], inventory, files=files) for name in _SCOPES if name in control}
    return {**control, **scopes}


def _addressed(scope: Any, inventory: Inventory, *, files: bool) -> Any:
    """一个范围；没有名称、没有文件的原样，由检查去说哪里不对。"""
    parts = [scope] if isinstance(scope, str) else scope
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return scope
    items = [item.strip() for part in parts for item in _SPLIT.split(part)]
    if files:
        items = [one for item in items for one in (read_scope_file(item[1:]) if item.startswith("@") else [item])]
    if not any(item and not _ADDRESSES.fullmatch(item) for item in items) and not (files and "@" in str(scope)):
        return scope
    return [address for item in items if item for address in _one(item, inventory)]


def _one(item: str, inventory: Inventory) -> list[str]:
    """一项：地址原样，名称与组换成地址。"""
    if _ADDRESSES.fullmatch(item):
        return [item]
    found = inventory.find(item)
    if len(found) == 1:
        return list(found[0].ips)
    if found:
        told = tr("、").join(entry.label for entry in found)
        raise InvalidInputError(tr("{item} 说的可能是 {told}，请写全名或地址", item=show_value(item), told=told))
    if not inventory:
        raise InvalidInputError(
            tr("{item} 不是地址；要用名称，请给 --inventory FILE 或设 PAM_INVENTORY", item=show_value(item))
        )
    near = inventory.near(item)
    alike = tr("，像的有 {near}", near=tr("、").join(near)) if near else ""
    raise InvalidInputError(
        tr(
            "名称清单 {path} 里没有 {item}{alike}；请改过来，或写地址",
            path=inventory.path,
            item=show_value(item),
            alike=alike,
        )
    )
