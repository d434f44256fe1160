"""``web --lab`` 的演练账户：申请的、批准的、只看的各一个，口令随机，写在终端里，不留下。"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.system.private_files import write_private

_WHO: Final = {"li": "request", "wang": "approve", "zhao": "view"}
_CAN: Final = Worded({"request": "可以提出", "approve": "可以提出、批准、决定回滚", "view": "只看"})
_POLICY: Final = """\
[[rule]]
request = ["role:request", "role:approve"]
approve_plan = ["role:approve"]
approve_rollback = ["role:approve"]
"""


def make_accounts(folder: Path, tell: Callable[[str], None]) -> dict[str, str]:
    """登记几个人，写好策略；返回指向它们的设置。"""
    book = PeopleBook(people={name: Person(roles={role: ["*"]}) for name, role in _WHO.items()})
    for name, role in _WHO.items():
        password = secrets.token_urlsafe(9)
        book.set_password(name, password)
        tell(tr("演练账户 {name}（{can}）口令 {password}", name=name, can=_CAN[role], password=password))
    book.save(folder / "people.json")
    write_private(folder / "policy.toml", _POLICY.encode())
    return {"pam_people": str(folder / "people.json"), "pam_policy": str(folder / "policy.toml")}
