"""在终端里签名：策略要求的当场问用哪把密钥，操作员自己要的写 ``--sign``；签的核对得过（contract 第 8 节）。"""

import subprocess
from pathlib import Path

import pytest

from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.system.account import current_operator
from tests.cli.site import Site
from tests.cli.terminal import Terminal

WHICH, PLAN, ROLLBACK = "用哪把 SSH 私钥签名", "批准？", "回滚？"


@pytest.fixture
def key(site: Site, tmp_path: Path) -> Path:
    """本人的密钥，登记在账户文件里；当前账号就是 alice。"""
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, capture_output=True)
    public = Path(f"{path}.pub").read_text(encoding="utf-8").strip()
    people = tmp_path / "people.json"
    PeopleBook(people={"alice": Person(accounts=[current_operator()], ssh_keys=[public])}).save(people)
    site.pam.env["PAM_PEOPLE"] = str(people)
    return path


def _required(site: Site, folder: Path) -> None:
    """策略要签名。"""
    (folder / "policy.toml").write_text("[[rule]]\nsigned = true\n", encoding="utf-8")
    site.pam.env["PAM_POLICY"] = str(folder / "policy.toml")


def _evidence(site: Site) -> tuple[bool, int]:
    """核对得过没有，几个签了名。"""
    (found,) = site.pam("audit", "verify", site.run_id, "--json").json()
    return found["ok"], found["signed"]


def test_where_the_policy_wants_it(site: Site, terminal: Terminal, tmp_path: Path, key: Path) -> None:
    """``run``、``resume`` 的提示里答了就问密钥：写错了再问，不签的不作数，签了的照办，计划与回滚都签。"""
    [ip] = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail")
    _required(site, tmp_path)
    job = site.pam.start(*site.argv(), tty=terminal.slave)
    terminal.expect(PLAN)
    terminal.type("approve\n")
    terminal.expect(WHICH)
    terminal.type("\n")
    assert "要求用本人的 SSH 密钥签名" in terminal.expect(PLAN)
    terminal.type("approve\n")
    terminal.expect(WHICH)
    terminal.type(f"{tmp_path / 'gone'}\n")
    terminal.expect("ssh-keygen sign 不成")
    terminal.expect(WHICH)
    terminal.type(f"{key}\n")
    terminal.expect(ROLLBACK)
    terminal.type("\x04")
    assert terminal.finish(job).code == 10
    job = site.pam.start("resume", site.run_id, tty=terminal.slave)
    terminal.expect(ROLLBACK)
    terminal.type("approve\n")
    terminal.expect(WHICH)
    terminal.type(f"{key}\n")
    assert terminal.finish(job).code == 11
    assert (site.count("rollback-ip", ip), _evidence(site)) == (1, (True, 2))


def test_where_the_person_wants_it(site: Site, terminal: Terminal, key: Path) -> None:
    """没有策略：对话里写 ``同意 --sign 密钥`` 就签；没有写的不问。"""
    [ip] = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail")
    job = site.pam.start("chat", tty=terminal.slave)
    terminal.expect("> ")
    terminal.type(f"把首都机场 checkin/gate 升级到 {site.version}，只做 {ip}，安装包 {site.package}\n")
    terminal.expect("批准？")
    terminal.type(f"同意 --sign {key}\n")
    terminal.expect("回滚？")
    terminal.type("同意\n")
    assert WHICH not in terminal.expect("结果:")
    terminal.type("退出\n")
    assert terminal.finish(job).code == 0
    site.run_id = site.pam("runs", "--json").json()[0]["run_id"]
    assert _evidence(site) == (True, 1)


def test_where_nobody_can_be_asked(site: Site, tmp_path: Path, key: Path) -> None:
    """没有终端：不签的不作数，说出怎样签；照着做就行。"""
    site.take(1)
    _required(site, tmp_path)
    assert site.run("--yes").code == 10
    refused = site.confirm("approve")
    assert (refused.code, "confirm RUN_ID --sign" in refused.err) == (10, True)
    assert site.confirm("approve", "--sign", key).code == 0
    assert (site.resume().code, _evidence(site)) == (0, (True, 1))
