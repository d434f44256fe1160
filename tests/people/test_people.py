"""账户文件：人、角色、口令与令牌的散列、SSH 公钥，与管它的命令（contract 第 8 节）。"""

import os
from pathlib import Path

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.people import NOBODY, PeopleBook, Person
from pam_deploy_graph.system.account import acting_account, current_operator
from tests.cli.program import Done, Pam

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE4q alice@desk"


@pytest.fixture
def book() -> PeopleBook:
    """两个人的账户文件。"""
    return PeopleBook(
        people={
            "alice": Person(accounts=["ops1", "ops2"], roles={"lead": ["PEK"], "operator": ["*"]}, ssh_keys=[KEY]),
            "bob": Person(),
        }
    )


def test_roles_belong_to_airports(book: PeopleBook) -> None:
    """角色按机场；``*`` 是全部。"""
    assert book.get("alice").roles_at("PEK") == ["lead", "operator"]
    assert book.get("alice").roles_at("SHA") == ["operator"]


@pytest.mark.parametrize(("account", "who"), [("ops2", "alice"), ("bob", "bob"), ("alice", NOBODY), ("root", NOBODY)])
def test_who_an_account_is(book: PeopleBook, account: str, who: str) -> None:
    """登记过的系统账号是谁；没有写账号的就是同名的，其余不知道是谁。"""
    assert book.of_account(account) == who


def test_an_account_of_two_is_nobody(book: PeopleBook) -> None:
    """登记给两个人的系统账号：不知道是哪一个，绝不猜。"""
    book.people["bob"].accounts = ["ops1"]
    assert book.of_account("ops1") == NOBODY


def test_only_hashes_are_kept(book: PeopleBook, tmp_path: Path) -> None:
    """口令与令牌核对得出，文件里只有 argon2 的散列；不存在的人、错的令牌都不认。"""
    book.set_password("bob", "correct horse")
    token = book.new_token("bob", "laptop")
    file = tmp_path / "people.json"
    book.save(file)
    text = file.read_text(encoding="utf-8")
    assert text.count("$argon2id$") == 2
    assert not {"correct horse", token.rpartition(".")[2]} & {*text.split('"')}
    assert file.stat().st_mode & 0o777 == 0o600
    read = PeopleBook.load(file)
    assert [read.checks_password(who, "correct horse") for who in ("bob", "alice", "eve")] == [True, False, False]
    assert [read.of_token(each) for each in (token, token + "x", "eve.laptop.x", "")] == ["bob", "", "", ""]


def test_a_file_others_may_write_is_not_read(book: PeopleBook, tmp_path: Path) -> None:
    """别人写得了的账户文件不算数：不当作没有，是错误。"""
    file = tmp_path / "people.json"
    book.save(file)
    file.chmod(0o666)
    with pytest.raises(InvalidInputError, match="账户文件"):
        PeopleBook.load(file)


def _people(pam: Pam, file: Path, *argv: str) -> Done:
    """运行 ``people`` 的一个命令。"""
    return pam.job(["pam_deploy_graph", "people", *argv], env={"PAM_PEOPLE": str(file)} if file.name else {}).wait()


def test_the_commands(pam: Pam, tmp_path: Path) -> None:
    """登记、给角色、给公钥、发令牌、列出、去掉；坏的值什么也不改。"""
    file, pub = tmp_path / "people.json", tmp_path / "alice.pub"
    pub.write_text(KEY + "\n", encoding="utf-8")
    for argv in (
        ["add", "alice", "--account", "ops1"],
        ["role", "alice", "lead", "pek", "SHA"],
        ["key", "alice", str(pub)],
    ):
        assert _people(pam, file, *argv).code == 0
    token = _people(pam, file, "token", "alice").out.strip()
    assert PeopleBook.load(file).of_token(token) == "alice"
    (row,) = _people(pam, file, "list", "--json").json()
    assert (row["accounts"], row["roles"], row["ssh_keys"]) == (["ops1"], {"lead": ["PEK", "SHA"]}, 1)
    assert _people(pam, file, "allowed-signers").out == f"alice {KEY}\n"
    before = file.read_bytes()
    assert _people(pam, file, "role", "alice", "lead", "Beijing").code == 2
    assert file.read_bytes() == before
    assert _people(pam, file, "remove", "alice").code == 0
    assert _people(pam, file, "remove", "alice").code == 2
    assert _people(pam, Path(), "list").code == 2


def test_the_account_comes_from_the_user_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """环境变量改不了账号的名字；记下 uid 与主机。"""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert current_operator() != "somebody-else"
    assert f"({os.getuid()})@" in str(acting_account())
    assert str(acting_account("alice")).endswith("sudo=alice")


def test_a_token_fits_a_header(book: PeopleBook) -> None:
    """名字是汉字、带点的，令牌也全是 ASCII，照样认得。"""
    book.people["王.工"] = Person()
    token = book.new_token("王.工", "desk")
    assert token.isascii()
    assert book.of_token(token) == "王.工"
