"""作决定：策略、四眼、两个人、签名、竞争；不许的也记下（contract 第 5、8 节）。"""

import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.audit.signing import sign, signed_bytes
from pam_deploy_graph.audit.verify import verify
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError, PolicyRefusedError
from pam_deploy_graph.ledger import CANCEL, FIRST_OF_TWO, PLAN, REFUSED, Approval, digest_of
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.runs import site_rules
from pam_deploy_graph.runs.actor import UNNAMED, Actor
from pam_deploy_graph.runs.deciding import Answered, settle, settle_asked
from pam_deploy_graph.runs.evidence import gather
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import IPS, Desk

RACES = 40
MANY_RACES = 200
POLICY = """
[[rule]]
airport = "PEK"
approve_plan = ["role:lead"]
approve_rollback = ["role:lead", "role:operator"]
{more}
"""


class Site:
    """有策略与账户文件的一处；计划等着批准。"""

    def __init__(self, home: Path, more: str = "") -> None:
        """alice 与 bob 是 lead，carol 是 operator；计划由当前账号提出。"""
        self.home = home
        self.policy, self.people = home / "policy.toml", home / "people.json"
        self.policy.write_text(POLICY.format(more=more), encoding="utf-8")
        lead = {"lead": ["PEK"]}
        book = {"alice": Person(roles=lead), "bob": Person(roles=lead), "carol": Person(roles={"operator": ["*"]})}
        PeopleBook(people=book).save(self.people)
        self.services = self.open()
        self.desk = Desk(home, InMemorySaver(), services=self.services)
        self.services.given_router = self.desk.fake
        self.digest = self.desk.begin()["plan"]["digest"]
        self.run_id = str(self.desk.values()["run_id"])

    def open(self) -> Services:
        """另开一份部件，像另一个进程。"""
        return Services(home=self.home, settings=Settings(pam_policy=str(self.policy), pam_people=str(self.people)))

    def decide(self, person: str, decision: Decision = Decision.APPROVE, *, signature: str = "") -> object:
        """一个人对计划作决定。"""
        answer = Answered(PLAN, self.digest, decision, signature=signature)
        (found,) = settle(self.services, self.run_id, [answer], Actor(f"{person}(1)@host", person, "cli"))
        return found

    def findings(self) -> list[str]:
        """核对证据。"""
        return [each.text for each in verify(gather(self.services, self.run_id))]


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """一处；参数是策略里另外的几行。"""
    made = Site(tmp_path, getattr(request, "param", ""))
    yield made
    made.services.close()


def test_refusals_are_recorded(site: Site) -> None:
    """策略不许的人批准：没有作数，记在链上，谁、想做什么、为什么；许的人照样可以。"""
    refused = site.decide("carol")
    assert isinstance(refused, PolicyRefusedError)
    assert refused.exit_code == 10
    (row,) = site.services.ledger.decisions(site.run_id)
    assert (row.subject, row.account, "role:lead" in row.note) == ("refused:plan", "carol(1)@host", True)
    assert isinstance(site.decide("alice"), Approval)
    assert site.desk.open_question()["ask"] == "approve_plan"
    assert site.findings() == []


def test_nobody_known_is_refused(site: Site) -> None:
    """不知道是谁的，策略点了名的事都不许；记下的是「未具名」，不是服务的账号。"""
    answer = Answered(PLAN, site.digest, Decision.APPROVE, operator="alice")
    (found,) = settle(site.services, site.run_id, [answer], Actor(UNNAMED, "", "server"))
    assert isinstance(found, PolicyRefusedError)
    (row,) = site.services.ledger.decisions(site.run_id)
    assert (row.account, row.operator) == (UNNAMED, "alice")


@pytest.mark.parametrize("site", ["four_eyes_from = 3"], indirect=True)
def test_four_eyes(site: Site) -> None:
    """满 3 台的计划：提出者不能自己批准，别的 lead 可以；否决谁都可以。"""
    asked_by = site.services.state_of(site.run_id).requested_by
    assert asked_by == ""  # 当前账号不在账户文件里：不知道是谁提出的
    site.services.state_of(site.run_id).requested_by = "alice"
    assert isinstance(site.decide("alice"), PolicyRefusedError)
    assert isinstance(site.decide("bob"), Approval)


@pytest.mark.parametrize("site", ["two_approvals_from = 3"], indirect=True)
def test_two_approvals(site: Site) -> None:
    """要两个人：第一个记下而不算，同一个人不能算两个，第二个才算；核对得出缺了一个。"""
    first = site.decide("alice")
    assert isinstance(first, Approval)
    assert first.subject == FIRST_OF_TWO
    assert site.services.ledger.decision(site.run_id, PLAN, site.digest) is None
    assert isinstance(site.decide("alice"), PolicyRefusedError)
    second = site.decide("bob")
    assert isinstance(second, Approval)
    assert second.subject == PLAN
    assert site.findings() == []


@pytest.mark.parametrize("site", ["signed = true"], indirect=True)
def test_signatures(site: Site, tmp_path: Path) -> None:
    """策略要签名的：没有签的、别人的密钥签的、签着别的内容的不许；账本里换过的签名、改过的内容核对得出。"""
    book = PeopleBook.load(site.people)
    for who in ("alice", "bob"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", str(tmp_path / who)]
        subprocess.run(argv, check=True, capture_output=True)
        book.people[who].ssh_keys = [(tmp_path / f"{who}.pub").read_text(encoding="utf-8").strip()]
    book.save(site.people)
    site.digest = site.desk.answer("approve")["plan"]["digest"]  # 账户文件换了：计划照现在的重提
    assert isinstance(site.decide("alice"), PolicyRefusedError)
    nonce = site.services.ledger.get_run(site.run_id).nonce
    content = signed_bytes(site.run_id, nonce, Answered(PLAN, site.digest, Decision.APPROVE))
    other = signed_bytes(site.run_id, nonce, Answered(PLAN, site.digest, Decision.REJECT))
    for bad in (sign(tmp_path / "bob", content), sign(tmp_path / "alice", other), "not a signature"):
        refused = site.decide("alice", signature=bad)
        assert isinstance(refused, PolicyRefusedError), refused
        assert "签名核对不了" in str(refused)
    assert isinstance(site.decide("alice", signature=sign(tmp_path / "alice", content)), Approval)
    assert site.findings() == []
    bundle = gather(site.services, site.run_id)
    bundle.decisions[-1]["signature"] = sign(tmp_path / "bob", content)
    assert any("签名不对（alice）" in each.text for each in verify(bundle))
    bundle.decisions[-1] |= {"signature": sign(tmp_path / "alice", content), "note": "改过的备注"}
    assert any("签名不对" in each.text for each in verify(bundle))


def test_rules_are_read_once_for_a_batch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """一批回答照同一份策略与账户文件，各读一次；下一批再读，改了就作数。"""
    opened: list[str] = []

    def counted(reader: Callable[[str], object], path: str) -> object:
        """记下读了哪个文件。"""
        opened.append(path)
        return reader(path)

    for name in ("open_policy", "open_people"):
        monkeypatch.setattr(site_rules, name, partial(counted, getattr(site_rules, name)))
    answers = [Answered(ip, digest_of({"ip": ip}), Decision.APPROVE) for ip in IPS]
    alice, once = Actor("alice(1)@host", "alice", "cli"), [str(site.policy), str(site.people)]
    assert all(isinstance(each, Approval) for each in settle(site.services, site.run_id, answers, alice))
    assert opened == once
    site.policy.write_text(POLICY.format(more="signed = true"), encoding="utf-8")
    other = Answered(IPS[0], digest_of({"ip": "again"}), Decision.APPROVE)
    (refused,) = settle(site.services, site.run_id, [other], alice)
    assert (isinstance(refused, PolicyRefusedError), opened) == (True, once * 2)


def _race(site: Site, answers: list[tuple[str, Answered]]) -> list[object]:
    """几个人在同一刻作决定，各用各的账本连接。"""
    barrier = threading.Barrier(len(answers))
    found: dict[int, object] = {}

    def one(place: int, person: str, answer: Answered) -> None:
        """等齐了一起。"""
        services = site.open()
        services.ledger.get_run(site.run_id)
        barrier.wait()
        (found[place],) = settle(services, site.run_id, [answer], Actor(f"{person}(1)@host", person, "cli"))
        services.close()

    threads = [threading.Thread(target=one, args=(n, *each)) for n, each in enumerate(answers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[place] for place in range(len(answers))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("races", [RACES, pytest.param(MANY_RACES, marks=pytest.mark.slow)])
def test_races_of_two_approvers(site: Site, races: int, record_property: Callable[[str, object], None]) -> None:
    """两个人同时作相反的决定，许多次：每次恰好一个作数，另一个被告知是谁；账本核对得过。"""
    outcomes = []
    for number in range(races):
        digest = digest_of({"race": number})
        answers = [
            ("alice", Answered("10.0.0.1", digest, Decision.APPROVE)),
            ("bob", Answered("10.0.0.1", digest, Decision.REJECT)),
        ]
        found = _race(site, answers)
        outcomes.append(sorted(type(each).__name__ for each in found))
        (loser,) = [each for each in found if isinstance(each, AlreadyDecidedError)]
        (winner,) = [each for each in found if isinstance(each, Approval)]
        assert winner.operator in str(loser)
    assert outcomes == [["AlreadyDecidedError", "Approval"]] * races
    assert len(site.services.ledger.decisions(site.run_id)) == races
    said = site.findings()
    assert len(said) == races
    assert all("什么也没有答" in each for each in said)
    record_property("figure", f"两人同时作相反的决定 {races} 次：各恰好 1 个作数，核对没有不对")


@pytest.mark.parametrize("site", ["two_approvals_from = 3"], indirect=True)
@pytest.mark.parametrize(
    ("subject", "digest", "decision"),
    [
        (PLAN, "", Decision.RETRY),
        (PLAN, "0" * 64, Decision.APPROVE),
        (FIRST_OF_TWO, "", Decision.APPROVE),
        (CANCEL, "0", Decision.APPROVE),
        (f"{REFUSED}:{PLAN}", "", Decision.APPROVE),
        (IPS[0], "0" * 64, Decision.APPROVE),
        ("10.0.0.9", "", Decision.APPROVE),
        ("\ud800", "", Decision.REJECT),
    ],
)
def test_only_what_is_asked_is_answered(site: Site, subject: str, digest: str, decision: Decision) -> None:
    """从图之外来的回答，没有在问的对象、没有给人看过的摘要、没有给出的决定都不收，也不记；正问着的照样答得了。"""
    alice = Actor("alice(1)@host", "alice", "server")
    answers = [Answered(subject, digest or site.digest, decision), Answered(PLAN, site.digest, Decision.APPROVE)]
    refused, taken = settle_asked(site.services, site.run_id, answers, alice)
    assert (type(refused), isinstance(taken, Approval)) == (ConfirmationError, True)
    assert [each.subject for each in site.services.ledger.decisions(site.run_id)] == [FIRST_OF_TWO]
    assert site.findings() == []


def test_a_decision_that_answers_nothing_is_named(site: Site) -> None:
    """绕过这道门写进账本的：核对时说出是第几个。"""
    for subject in (PLAN, FIRST_OF_TWO, "10.0.0.9"):
        site.services.ledger.decide(site.run_id, Approval(subject, "0" * 64, "approve", "bob", "", 0))
    assert sum("什么也没有答" in each for each in site.findings()) == 3


@pytest.mark.parametrize("site", ["two_approvals_from = 3"], indirect=True)
def test_two_at_once_are_two(site: Site) -> None:
    """要两个人，两个人同时批准：一个是第一份，一个是第二份。"""
    answer = Answered(PLAN, site.digest, Decision.APPROVE)
    found = _race(site, [("alice", answer), ("bob", answer)])
    assert sorted(each.subject for each in found if isinstance(each, Approval)) == [PLAN, FIRST_OF_TWO]


def test_rollbacks_are_held_to_the_policy_too(site: Site) -> None:
    """回滚的决定也照策略核对：许的没有不对；换成不许的人、去掉要的签名，说得出是第几个决定。"""
    site.desk.fake.fail("verify-ip", IPS[0])
    assert isinstance(site.decide("alice"), Approval)
    question = site.desk.answer("approve")["waiting"][0]
    answer = Answered(IPS[0], question["digest"], Decision.REJECT)
    (refused,) = settle(site.services, site.run_id, [answer], Actor("dave(2)@host", "dave", "cli"))
    assert isinstance(refused, PolicyRefusedError)
    (mine,) = settle(site.services, site.run_id, [answer], Actor("carol(1)@host", "carol", "cli"))
    assert isinstance(mine, Approval)
    site.desk.answer("reject")
    assert site.findings() == []
    bundle = gather(site.services, site.run_id)
    row = next(row for row in bundle.decisions if row["subject"] == IPS[0])
    row["role"] = "dave|"
    (found,) = [each.text for each in verify(bundle) if each.check == "策略"]
    assert (f"第 {row['number']} 个决定" in found, "dave" in found, "决定回滚" in found) == (True, True, True)


@pytest.mark.parametrize("site", ["two_approvals_from = 3"], indirect=True)
def test_the_first_of_two_is_held_to_the_policy_too(site: Site) -> None:
    """两个人批准的，第一个人也要许：换成不许的人，说得出。"""
    for person in ("alice", "bob"):
        assert isinstance(site.decide(person), Approval)
    site.desk.answer("approve")
    bundle = gather(site.services, site.run_id)
    bundle.decisions[0]["role"] = "carol|operator"
    assert any(each.check == "策略" and "第 1 个决定" in each.text for each in verify(bundle))
