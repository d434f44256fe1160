"""名称清单：哪个地址叫什么、在哪几组；一句话、一个选项里的名称由它换成地址（contract 第 8 节 ``PAM_INVENTORY``）。"""

from pam_deploy_graph.inventory.mentions import Mention, mentions_in, put_addresses
from pam_deploy_graph.inventory.scopes import name_scopes
from pam_deploy_graph.inventory.stock import EMPTY, Inventory
from pam_deploy_graph.inventory.table_file import open_inventory, read_scope_file

__all__ = [
    "EMPTY",
    "Inventory",
    "Mention",
    "mentions_in",
    "name_scopes",
    "open_inventory",
    "put_addresses",
    "read_scope_file",
]
