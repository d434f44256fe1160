"""命令 ``people``：管账户文件（``PAM_PEOPLE``）里的人、角色、口令、令牌与 SSH 公钥。"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.help_pages import Command, Group
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_deploy_graph.people import PeopleBook

people: typer.Typer = typer.Typer(
    cls=Group, help="管账户文件：谁是谁，有什么角色。", rich_markup_mode=None, no_args_is_help=True
)
FILE = Annotated[str, typer.Option("--file", help="账户文件；不给就是 PAM_PEOPLE。", metavar="FILE")]
NAME = Annotated[str, typer.Argument(help="人的名字。", metavar="NAME")]
ACCOUNTS = Annotated[
    list[str], typer.Option("--account", help="他的系统账号，可重复；不给就是同名的。", metavar="USER")
]
ROLE = Annotated[str, typer.Argument(help="角色，例如 operator、lead。", metavar="ROLE")]
AIRPORTS = Annotated[list[str], typer.Argument(help="在哪些机场；* 是全部。", metavar="AIRPORT...")]
LABEL = Annotated[str, typer.Option("--label", help="令牌叫什么。", metavar="LABEL")]
KEY_FILE = Annotated[Path, typer.Argument(help="公钥文件（.pub）。", metavar="FILE")]


@people.command("list", cls=Command)
def list_(file: FILE = "", as_json: o.Json = False) -> None:
    """列出每个人的账号与角色；散列不显示。"""
    _, book = _open(file)
    rows = [
        {
            "name": name,
            "accounts": person.accounts or [name],
            "roles": person.roles,
            "password": bool(person.password),
            "tokens": sorted(person.tokens),
            "ssh_keys": len(person.ssh_keys),
        }
        for name, person in book.people.items()
    ]
    o.print_json(rows) if as_json else put("\n".join(map(_line, rows)) or tr("账户文件里还没有人。"))


@people.command(cls=Command)
def add(name: NAME, account: ACCOUNTS = [], file: FILE = "") -> None:  # noqa: B006  typer 要求以列表为默认值，这里只读
    """登记一个人；已有的换掉他的系统账号。"""
    from pam_deploy_graph.people import Person

    def change(book: "PeopleBook") -> None:
        """加上或改掉。"""
        book.people.setdefault(name, Person()).accounts = list(account)

    _change(file, change, tr("已登记 {name}", name=name))


@people.command(cls=Command)
def remove(name: NAME, file: FILE = "") -> None:
    """去掉一个人，连同他的口令、令牌与公钥。"""

    def change(book: "PeopleBook") -> None:
        """去掉。"""
        book.get(name)
        del book.people[name]

    _change(file, change, tr("已去掉 {name}", name=name))


@people.command(cls=Command)
def role(name: NAME, role: ROLE, airports: AIRPORTS, file: FILE = "") -> None:
    """定下一个人的一个角色管哪些机场；写「-」是去掉这个角色。"""

    def change(book: "PeopleBook") -> None:
        """换掉。"""
        roles = book.get(name).roles
        roles.pop(role, None)
        if airports != ["-"]:
            roles[role] = [airport.upper() for airport in airports]

    _change(file, change, tr("{name} 的 {role}: {airports}", name=name, role=role, airports=tr("、").join(airports)))


@people.command(cls=Command)
def password(name: NAME, file: FILE = "") -> None:
    """定下口令；从终端问，或从标准输入读一行。"""
    secret = typer.prompt(tr("口令"), hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else input()
    _change(file, lambda book: book.set_password(name, secret), tr("已定下 {name} 的口令", name=name))


@people.command(cls=Command)
def token(name: NAME, label: LABEL = "default", file: FILE = "") -> None:
    """发一个令牌，写到标准输出；只有这一次看得到，同名的旧令牌随之作废。"""
    path, book = _open(file)
    made = book.new_token(name, label)
    _checked(book).save(path)
    put(made)


@people.command(cls=Command)
def key(name: NAME, public_key: KEY_FILE, file: FILE = "") -> None:
    """登记一把 SSH 公钥，签名由它核对。"""
    from pam_deploy_graph.cli.inputs import read_keys

    text = read_keys(public_key).strip()

    def change(book: "PeopleBook") -> None:
        """加上；已有的不重复。"""
        keys = book.get(name).ssh_keys
        keys += [text] if text not in keys else []

    _change(file, change, tr("已登记 {name} 的公钥", name=name))


@people.command("allowed-signers", cls=Command)
def allowed_signers(file: FILE = "") -> None:
    """写出 ``ssh-keygen -Y verify`` 认的 allowed_signers。"""
    _, book = _open(file)
    put(book.allowed_signers(), end="")


def _open(file: str) -> "tuple[Path, PeopleBook]":
    """账户文件在哪里，里面是什么。"""
    from pam_deploy_graph.errors import InvalidInputError
    from pam_deploy_graph.people import PeopleBook
    from pam_deploy_graph.settings import Settings

    if not (path := file or Settings().pam_people):
        raise InvalidInputError(tr("没有说账户文件在哪里：请给 --file，或设环境变量 PAM_PEOPLE"))
    return Path(path), PeopleBook.load(Path(path))


def _change(file: str, change: "Callable[[PeopleBook], None]", said: str) -> None:
    """改一处，核对，写回。"""
    path, book = _open(file)
    change(book)
    _checked(book).save(path)
    put(said, err=True)


def _checked(book: "PeopleBook") -> "PeopleBook":
    """改过的内容要合规则；不合的说出是哪一处，什么也没有写。"""
    from pydantic import ValidationError

    from pam_deploy_graph.errors import InvalidInputError

    try:
        return type(book).model_validate(book.model_dump())
    except ValidationError as error:
        where = tr("、").join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
        raise InvalidInputError(
            tr("{where} 不合规则，什么也没有改变：名字只含字母、数字与 . _ @ -，机场是三个大写字母或 *", where=where)
        ) from None


def _line(row: dict[str, Any]) -> str:
    """一个人写成一行。"""
    roles = tr("；").join(f"{role}@{','.join(places)}" for role, places in row["roles"].items()) or tr("没有角色")
    return tr(
        "{name}  账号 {accounts}  {roles}  公钥 {ssh_keys} 把",
        name=row["name"],
        accounts=tr("、").join(row["accounts"]),
        roles=roles,
        ssh_keys=row["ssh_keys"],
    )
