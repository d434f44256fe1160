"""名称清单的样子：测试共用的几行，以及写成各种格式的文件。"""

from collections.abc import Sequence
from pathlib import Path

from pam_deploy_graph.inventory import Inventory, open_inventory
from pam_deploy_graph.inventory.stock import Row

ROWS = (
    Row("10.0.0.1", "A11 柜台", ("T2 值机岛",)),
    Row("10.0.0.2", "A12 柜台", ("T2 值机岛",)),
    Row("10.0.0.3", "A13 柜台", ("T2 值机岛", "VIP 专柜")),
    Row("10.0.0.4", "B01 柜台", ("T3 值机岛",)),
    Row("10.0.0.5", "B02 柜台", ("T3 值机岛",)),
    Row("10.0.0.6", "B03 柜台", ("T3 值机岛",)),
    Row("10.0.0.7", "C20 登机口", ("登机口",)),
    Row("10.0.0.8", "C21 登机口", ("登机口",)),
)
STOCK = Inventory("", ROWS)
HEAD = ("ip", "name", "groups")


def write_csv(
    path: Path,
    rows: Sequence[Row] = ROWS,
    *,
    head: Sequence[str] = HEAD,
    delimiter: str = ",",
    encoding: str = "utf-8",
    joint: str = "、",
) -> Path:
    """写成 CSV。"""
    lines = [delimiter.join(head), *(delimiter.join((r.ip, r.name, joint.join(r.groups))) for r in rows)]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def write_toml(path: Path, rows: Sequence[Row] = ROWS) -> Path:
    """写成 TOML。"""
    entries = [f'[[workstation]]\nip = "{r.ip}"\nname = "{r.name}"\ngroups = {list(r.groups)!r}\n' for r in rows]
    path.write_text("\n".join(entries).replace("'", '"'), encoding="utf-8")
    return path


def read_back(path: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """读出来的名称与组，不管次序。"""
    found = open_inventory(str(path))
    return dict(found.names), {group: set(ips) for group, ips in found.groups.items()}
