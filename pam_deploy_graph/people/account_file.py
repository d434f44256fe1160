"""账户文件：一个 JSON，服务器与命令行共用；没有它就是一个人的工具（contract 第 8 节）。

口令与令牌只存 argon2 的散列。写它的账号就是管理员；别人写得了的不读。
"""

import hashlib
import secrets
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, ValidationError

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.people.hashes import matches, new_hash
from pam_deploy_graph.system.private_files import write_private
from pam_deploy_graph.system.trusted_files import read_trusted

NOBODY: Final = ""
"""不知道是谁。"""
EVERYWHERE: Final = "*"
_TOKEN_BYTES: Final = 24
Name = Annotated[str, StringConstraints(pattern=r"^[\w.@-]{1,64}$")]
Airport = Annotated[str, StringConstraints(pattern=r"^([A-Z]{3}|\*)$")]
Key = Annotated[str, StringConstraints(pattern=r"^(ssh|ecdsa|sk)-[!-~]+ [A-Za-z0-9+/=]+( [^\n]*)?$")]


class Person(BaseModel):
    """一个人；``accounts`` 是他在各机器上的系统账号，``roles`` 是「角色 -> 机场」。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    accounts: list[Name] = Field(default_factory=list)
    roles: dict[Name, list[Airport]] = Field(default_factory=dict)
    password: str = ""
    tokens: dict[Name, str] = Field(default_factory=dict)
    ssh_keys: list[Key] = Field(default_factory=list)

    def roles_at(self, airport: str) -> list[str]:
        """在一个机场有哪些角色。"""
        return sorted(role for role, places in self.roles.items() if {airport, EVERYWHERE} & {*places})


class PeopleBook(BaseModel):
    """账户文件的内容；改了要 ``save``。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    people: dict[Name, Person] = Field(default_factory=dict)
    _shown: str = PrivateAttr("")

    @classmethod
    def load(cls, path: Path) -> Self:
        """读账户文件；还没有这个文件就是空的。

        Raises:
            InvalidInputError: 别人写得了，读不了，或看不懂。

        """
        try:
            text = read_trusted(path)
            book = cls.model_validate_json(text)
        except FileNotFoundError:
            text, book = b"", cls()
        except OSError as error:
            raise InvalidInputError(
                tr("账户文件 {path} 没有读：{problem}", path=path, problem=error.strerror)
            ) from None
        except ValidationError as error:
            where = tr("、").join(".".join(map(str, each["loc"])) or each["msg"] for each in error.errors()[:3])
            raise InvalidInputError(tr("账户文件 {path} 不合规则：{where}", path=path, where=where)) from None
        book._shown = f"{path.absolute()}（SHA-256 {hashlib.sha256(text).hexdigest()}）"
        return book

    @property
    def shown(self) -> str:
        """写进计划与决定的样子：读的是哪个文件，读到的内容的哈希；不是读来的为空串。"""
        return self._shown

    def save(self, path: Path) -> None:
        """原子地写回，只有本人可读写。"""
        write_private(path, self.model_dump_json(indent=1).encode())

    def get(self, name: str) -> Person:
        """取一个人。

        Raises:
            InvalidInputError: 没有这个人。

        """
        if name not in self.people:
            raise InvalidInputError(tr("账户文件里没有 {name}；用 people list 看有谁", name=name))
        return self.people[name]

    def of_account(self, account: str) -> str:
        """一个系统账号是谁；没有登记的、登记给了几个人的为 ``NOBODY``。"""
        found = [name for name, person in self.people.items() if account in (person.accounts or [name])]
        return found[0] if len(found) == 1 else NOBODY

    def set_password(self, name: str, password: str) -> None:
        """定下口令。"""
        self.get(name).password = new_hash(password)

    def checks_password(self, name: str, password: str) -> bool:
        """口令对不对；没有这个人、没有口令的都是不对，花的时间相同。"""
        person = self.people.get(name)
        return matches(person.password if person else "", password)

    def new_token(self, name: str, label: str) -> str:
        """发一个令牌；只在此刻看得到，文件里只有散列。它全是 ASCII：请求头里放不下汉字。"""
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        self.get(name).tokens[label] = new_hash(secret)
        return f"{quote(name)}.{quote(label)}.{secret}"

    def of_token(self, token: str) -> str:
        """一个令牌是谁的；不认识的为 ``NOBODY``。"""
        owner, _, secret = token.rpartition(".")
        name, _, label = unquote(owner).rpartition(".")
        person = self.people.get(name)
        return name if matches(person.tokens.get(label, "") if person else "", secret) else NOBODY

    def allowed_signers(self) -> str:
        """写成 ``ssh-keygen -Y verify`` 认的 ``allowed_signers``。"""
        lines = [f"{name} {key}" for name, person in self.people.items() for key in person.ssh_keys]
        return "\n".join(lines) + ("\n" if lines else "")


def open_people(path: str) -> PeopleBook | None:
    """按 ``PAM_PEOPLE`` 打开账户文件；没有设就没有，为 ``None``。"""
    return PeopleBook.load(Path(path)) if path else None
