"""``mcp-node`` 站着的目录里的 ``.env``：只有别人写不了的、那里又有账本的才读，不读的说出来（contract 第 8 节）。"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import Pam

STRANGER = 54321
READ, NOT_READ = "明文 HTTP 不能听在", "没有 PAM_TOKEN"
"""读到了它的令牌的，接着嫌没有 TLS；没有读到的，嫌没有令牌。两样都没有听起来。"""


def _given_away(path: Path) -> None:
    """属于别的账号；链接给的是链接自己。"""
    try:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    except PermissionError:
        pytest.skip("要 root 才能把文件给别的账号")


def _writable(env: Path) -> None:
    """同组的也写得了。"""
    env.chmod(0o620)


def _folder_writable(env: Path) -> None:
    """目录谁都写得了。"""
    env.parent.chmod(0o777)


def _strangers_link(env: Path) -> None:
    """别的账号放的链接，指着本人的文件。"""
    env.rename(env.parent / "mine")
    env.symlink_to("mine")
    _given_away(env)


def _link_to_a_strangers(env: Path) -> None:
    """本人的链接，指着别的账号的文件。"""
    env.rename(env.parent / "theirs")
    env.symlink_to("theirs")
    _given_away(env.parent / "theirs")


def _link_to_a_writable(env: Path) -> None:
    """本人的链接，指着同组也写得了的文件。"""
    env.rename(env.parent / "loose")
    env.symlink_to("loose")
    (env.parent / "loose").chmod(0o660)


def _no_ledger(env: Path) -> None:
    """那里没有账本：只是碰巧站着。"""
    (env.parent / "runtime" / "pam.db").unlink()


PLANTED = [_given_away, _writable, _folder_writable, _strangers_link, _link_to_a_strangers, _link_to_a_writable]


def stand_in(pam: Pam, spoil: Callable[[Path], None] | None) -> str:
    """在备好的目录里起 ``mcp-node``，听在回环之外；返回它说的话。"""
    folder = pam.folder / "stood-in"
    (folder / "runtime").mkdir(parents=True)
    (folder / "runtime" / "pam.db").touch()
    (folder / ".env").write_text("PAM_TOKEN=planted-token-1\n", encoding="utf-8")
    if spoil is not None:
        spoil(folder / ".env")
    pam.env.pop("PAM_TOKEN", None)
    argv = ["pam_deploy_graph", "mcp-node", "--node-url", "http://127.0.0.1:1", "--host", "0.0.0.0"]
    done = pam.job(argv, cwd=folder).wait()
    assert (done.code, "planted-token-1" in done.out + done.err) == (2, False)
    return done.err


@pytest.mark.parametrize("spoil", PLANTED)
def test_a_file_that_others_could_have_written(pam: Pam, spoil: Callable[[Path], None]) -> None:
    """别人写得了的不读，说出是哪一个、为什么。"""
    told = stand_in(pam, spoil)
    assert NOT_READ in told
    assert f"{pam.folder / 'stood-in' / '.env'} 没有读" in told


def test_ones_own_file_is_read(pam: Pam) -> None:
    """自己的照读。"""
    assert READ in stand_in(pam, None)


def test_a_folder_one_merely_stands_in(pam: Pam) -> None:
    """没有账本的目录，什么也不读，也不必说。"""
    told = stand_in(pam, _no_ledger)
    assert (NOT_READ in told, ".env" in told) == (True, False)
