"""多机场部署：一份计划、一次批准，试点先做，一个机场等人不耽误别的，杀掉了接得上（contract 第 8 节）。"""

import hashlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.system.account import current_operator
from tests.cli.program import Done, Pam, Zygote
from tests.patience import patience

AIRPORTS = ("PEK", "PVG", "CAN")
BAD = "10.0.0.2"
_numbers = count(1)


class Fleet:
    """三个机场各两台；``args`` 是一次多机场部署的选项。"""

    def __init__(self, pam: Pam, lab: LabProcess) -> None:
        """名字与版本只属于这个用例。"""
        self.pam, self.lab, self.number = pam, lab, next(_numbers)
        self.name, self.version = f"fleet-{self.number}", f"3.0.{self.number}"
        self.package = pam.folder / "gate.pkg"
        self.package.write_bytes(f"release {self.version}\n".encode() * 50)

    def args(self, *options: object, **params: str) -> list[object]:
        """``campaign run`` 的参数。"""
        given = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": self.version}
        given |= {"PACKAGE_PATH": str(self.package), **params}
        pairs = [part for name, value in given.items() for part in ("--param", f"{name}={value}")]
        airports = [] if "--airports" in options else ["--airports", ",".join(AIRPORTS)]
        named = ["--campaign-id", self.name, "--strategy", "script_only"]
        return ["campaign", "run", *airports, *pairs, *named, *options]

    def __call__(self, command: str, *options: object) -> Done:
        """``campaign`` 的一个命令。"""
        return self.pam("campaign", command, self.name, *options)

    def status(self) -> dict[str, Any]:
        """此刻的样子。"""
        found: dict[str, Any] = self("status", "--json").json()
        return found | {"by": {row["airport"]: row for row in found["runs"]}}

    def effects(self) -> Counter[str]:
        """各机场这一次的效果，每个键几次。"""
        keys = [row["key"] for row in self.lab.journal() if row["version"] == self.version]
        return Counter(keys)


@pytest.fixture(scope="module")
def fleet_lab() -> Iterator[LabProcess]:
    """三个机场的试验场。"""
    with LabProcess(airports=AIRPORTS, workstations=2) as running:
        yield running


@pytest.fixture
def fleet(zygote: Zygote, fleet_lab: LabProcess, tmp_path: Path) -> Iterator[Fleet]:
    """对着它的命令行；用完没有故障。"""
    yield Fleet(Pam(zygote, tmp_path, {"PAM_HOME_URL": fleet_lab.home_url, "PAM_TOKEN": fleet_lab.token}), fleet_lab)
    fleet_lab.clear_faults()


def test_one_approval_then_killed_and_resumed(fleet: Fleet) -> None:
    """没有终端时要摘要，一次批准各机场都记下；推出途中 kill -9，接着做完，每个效果恰好一次。"""
    asked = fleet.pam(*fleet.args("--pilot", "PVG", "--airports-at-once", 2))
    assert asked.code == 10, asked.err
    assert "依次 PVG、PEK、CAN" in asked.err
    assert asked.err.count(f"1.2.2 → {fleet.version}: 2 台") == len(AIRPORTS) or fleet.number > 1
    digest = asked.err.partition("摘要 ")[2][:12]
    assert fleet("confirm", "--approve").code == 2
    assert [fleet("confirm", "--approve", "--digest", code).code for code in ("0" * 12, "", digest[:1])] == [2, 2, 2]
    assert fleet("confirm", "--approve", "--digest", digest, "--operator", "值班经理").code == 0
    decisions = fleet.pam("report", f"{fleet.name}-CAN", "--format", "json").json()["decisions"]
    assert [(one["subject"], one["operator"]) for one in decisions] == [("plan", "值班经理")]
    running = fleet.pam.start("campaign", "resume", fleet.name)
    deadline = time.monotonic() + patience(30)
    while not any(":deploy-ip:" in key for key in fleet.effects()):
        assert time.monotonic() < deadline, running.text()
    running.kill()
    done = fleet("resume")
    assert done.code == 0, done.err
    assert {row["exit_code"] for row in fleet.status()["runs"]} == {0}
    effects = fleet.effects()
    assert set(effects.values()) == {1}
    assert sum(":deploy-ip:" in key for key in effects) == 2 * len(AIRPORTS)
    again = fleet("resume")
    assert again.code == 0
    assert fleet.effects() == effects


def test_a_pilot_that_fails_holds_the_others_back(fleet: Fleet) -> None:
    """试点等人，其余没有开始；拒绝回滚之后试点没有做好，停下；人说了还要做，才做其余的。"""
    fleet.lab.add_fault(f"{BAD}:verify:fail:1")
    held = fleet.pam(*fleet.args("--pilot", "PEK", "--airports-at-once", 3, "--yes"))
    assert held.code == 10, held.err
    assert {each: fleet.status()["by"][each]["phase"] for each in AIRPORTS} == {
        "PEK": "waiting",
        "PVG": "decided",
        "CAN": "decided",
    }
    assert fleet.pam("confirm", f"{fleet.name}-PEK", "--reject").code == 0
    stopped = fleet("resume")
    assert stopped.code == 12
    assert "试点 PEK 没有全部做好" in stopped.err
    assert fleet.status()["by"]["PVG"]["phase"] == "decided"
    fleet.lab.clear_faults()
    done = fleet("resume", "--past-pilot")
    assert done.code == 11, done.err
    assert [fleet.status()["by"][each]["exit_code"] for each in AIRPORTS] == [11, 0, 0]
    page = fleet("report").out
    assert page.index(f"运行: {fleet.name}-PEK") < page.index(f"运行: {fleet.name}-PVG")


def test_one_that_waits_does_not_hold_the_others(fleet: Fleet) -> None:
    """一个机场等人决定，别的照样做完；坏满了的不再开新的机场；取消的各有结局。"""
    fleet.lab.add_fault(f"{BAD}:verify:fail:1")
    waits = fleet.pam(*fleet.args("--yes", "--json"))
    assert waits.code == 10, waits.err
    found = json.loads(waits.out)
    assert sorted(row["exit_code"] is None for row in found["runs"]) == [False, False, True]
    assert "campaign resume" in waits.err
    other = Fleet(fleet.pam, fleet.lab)
    fleet.lab.add_fault(f"{BAD}:verify:fail")
    stopped = other.pam(*other.args("--yes", "--total-failures", 1, "--airports", "PVG,CAN"))
    assert stopped.code == 12, stopped.err
    assert "到了上限 1 台" in stopped.err
    assert other.status()["by"]["CAN"]["succeeded"] == 0
    assert "CAN 已取消" in other("cancel").err
    assert other.status()["by"]["CAN"]["exit_code"] == 12


def test_an_airport_that_left_changes_the_plan(fleet: Fleet) -> None:
    """给人看过之后一个机场取消了：原来的摘要不作数，再看时说它不在其中。"""
    digest = fleet.pam(*fleet.args()).err.partition("摘要 ")[2][:12]
    assert fleet.pam("cancel", f"{fleet.name}-CAN").code == 0
    old = fleet("confirm", "--approve", "--digest", digest)
    assert (old.code, "看过再答" in old.err) == (2, True), old.err
    assert "不在这份计划里: CAN" in old.err
    new = old.err.partition("摘要 ")[2][:12]
    assert fleet("confirm", "--approve", "--digest", new).code == 0
    assert {row["airport"] for row in fleet.status()["runs"] if row["phase"] == "decided"} == {"PEK", "PVG"}


def test_what_one_approval_covers(fleet: Fleet) -> None:
    """一次批准的都给人看过：什么、哪一份安装包、接到哪里；一样的只写一遍，各机场不同的写在自己下面。

    同一条命令带 ``--yes`` 再来一次：计划是从前提出的，不算事先批准过，问人；什么也没有改变。
    """
    first = fleet.pam(*fleet.args())
    sha = hashlib.sha256(fleet.package.read_bytes()).hexdigest()
    assert [first.err.count(each) for each in (sha, f"PAM_HOME: {fleet.lab.home_url}")] == [1, 1], first.err
    assert all(f"机场 {each} 的 checkin 应用 gate 模块" in first.err for each in AIRPORTS)
    assert (first.code, "NODE_URL" in first.err) == (10, True)
    again = fleet.pam(*fleet.args("--yes"))
    assert (again.code, "--yes 没有作数" in again.err) == (10, True), again.err
    assert not fleet.effects()


def test_yes_is_not_another_person(fleet: Fleet) -> None:
    """策略要两个人批准的，``--yes`` 一个也不算。"""
    policy = fleet.pam.folder / "policy.toml"
    policy.write_text("[[rule]]\ntwo_approvals_from = 1\n")
    policy.chmod(0o600)
    fleet.pam.env["PAM_POLICY"] = str(policy)
    done = fleet.pam(*fleet.args("--yes"))
    assert (done.code, "两个人" in done.err or "2 个人" in done.err) == (10, True), done.err
    decisions = fleet.pam("report", f"{fleet.name}-PEK", "--format", "json").json()["decisions"]
    assert decisions == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--airports", "PEK"], "一个机场用 run"),
        (["--airports", "PEK,pek"], "说了两遍"),
        (["--airports", "PEK,P1"], "P1"),
        (["--pilot", "SHA"], "不在 --airports"),
        (["--param", "AIRPORT_CODE=PEK"], "不要给 AIRPORT_CODE"),
        (["--param", "VERSION_NUMBER="], "VERSION_NUMBER"),
        (["--campaign-id", "../x"], "../x"),
    ],
)
def test_wrong_use_is_told_before_anything(fleet: Fleet, options: list[str], said: str) -> None:
    """用错了的先说清楚，什么也没有登记。"""
    done = fleet.pam(*fleet.args(*options))
    assert (done.code, said in done.err) == (2, True), done.err
    assert not (fleet.pam.home / "runtime" / "pam.db").exists()


def test_an_unknown_campaign_is_named(fleet: Fleet) -> None:
    """没有的那一次说出名字。"""
    done = fleet("status")
    assert (done.code, fleet.name in done.err) == (2, True)


def test_a_policy_that_wants_signatures(fleet: Fleet, tmp_path: Path) -> None:
    """策略要签名：不签的各机场都不作数，签不了的什么也没有记，``--sign`` 签的各机场各一个，都核对得过。"""
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, capture_output=True)
    public = Path(f"{key}.pub").read_text(encoding="utf-8").strip()
    mine = Person(accounts=[current_operator()], ssh_keys=[public])
    PeopleBook(people={"alice": mine}).save(tmp_path / "people.json")
    (tmp_path / "policy.toml").write_text("[[rule]]\nsigned = true\n", encoding="utf-8")
    fleet.pam.env |= {"PAM_PEOPLE": str(tmp_path / "people.json"), "PAM_POLICY": str(tmp_path / "policy.toml")}
    asked = fleet.pam(*fleet.args("--yes", "--airports", "PEK,PVG"))
    assert (asked.code, "--yes 没有作数" in asked.err) == (10, True)
    digest = asked.err.partition("摘要 ")[2][:12]
    plain = fleet("confirm", "--approve", "--digest", digest)
    assert (plain.code, plain.err.count("要求用本人的 SSH 密钥签名")) == (10, 2)
    gone = fleet("confirm", "--approve", "--digest", digest, "--sign", tmp_path / "gone")
    assert (gone.code, "ssh-keygen sign 不成" in gone.err) == (2, True)
    assert [row["phase"] for row in fleet.status()["runs"]] == ["waiting", "waiting"]
    assert fleet("confirm", "--approve", "--digest", digest, "--sign", key).code == 0
    assert fleet("resume").code == 0
    found = fleet.pam("audit", "verify", "--json").json()
    assert [(one["ok"], one["signed"]) for one in found] == [(True, 1), (True, 1)]
