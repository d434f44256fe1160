"""推着运行的人：批准之后自己接着做，只推自己的与交给它的，停着的不碰，停下之后没有新的不再推。"""

import time
from collections.abc import Callable, Iterator

import pytest

from pam_deploy_graph.console.keeper import Keeper
from pam_deploy_graph.console.room import CHANNEL
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.deciding import Answered, settle
from pam_deploy_graph.runs.handing_over import handed_by
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from tests.console.browser import Site
from tests.graph.desk import FAKE, PARAMS
from tests.patience import patience

LI = Actor("登录用户 li", "li", CHANNEL)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """一个人的工具。"""
    return make_site(staffed=False)


@pytest.fixture
def keeper(site: Site) -> Iterator[Keeper]:
    """不自己看，由用例叫它看。"""
    made = Keeper(site.room)
    yield made
    made.leave()


def registered(site: Site, run_id: str, **extra: object) -> str:
    """登记一次演练。"""
    request = RunRequest(
        params=PARAMS, execution_strategy=FAKE["execution_strategy"], run_id=run_id, home=site.room.home, extra=extra
    )
    return register(site.room.services.ledger, request)[0].run_id


def refused(site: Site, run_id: str) -> str:
    """登记一次 HOME 不在的。"""
    given = PARAMS | {"PAM_HOME_URL": "http://127.0.0.1:9"}
    request = RunRequest(
        params=given, execution_strategy="script_only", run_id=run_id, home=site.room.home, extra=handed_by(LI)
    )
    return register(site.room.services.ledger, request)[0].run_id


def rest(keeper: Keeper, site: Site) -> None:
    """看一眼，等它推到停下。"""
    keeper.look()
    until = time.monotonic() + patience(20)
    while site.room.driven() and time.monotonic() < until:
        time.sleep(0.02)
    assert not site.room.driven()


def approve(site: Site, run_id: str) -> None:
    """批准此刻的计划。"""
    digest = site.room.services.ledger.load_state(run_id).plan_digest
    settle(site.room.services, run_id, [Answered(PLAN, digest, Decision.APPROVE)], LI)


def test_decided_run_goes_on_by_itself(site: Site, keeper: Keeper) -> None:
    """交给它的：先拟计划，等着；批准了就做完；提出的人是交来的那一位。"""
    run_id = registered(site, "mine", **handed_by(LI))
    rest(keeper, site)
    ledger = site.room.services.ledger
    state = ledger.load_state(run_id)
    assert state.plan_digest
    assert state.requested_by == "li"
    rest(keeper, site)
    assert ledger.load_state(run_id).ledger_seq == state.ledger_seq
    approve(site, run_id)
    rest(keeper, site)
    assert ledger.get_run(run_id).exit_code == 0


def test_others_runs_are_left_alone(site: Site, keeper: Keeper) -> None:
    """不是交给它的不碰；有人点了「继续」才推。"""
    run_id = registered(site, "theirs")
    rest(keeper, site)
    assert not site.room.services.ledger.load_state(run_id).plan_digest
    assert not site.room.may_drive(run_id)
    keeper.hand_over(run_id)
    rest(keeper, site)
    assert site.room.services.ledger.load_state(run_id).plan_digest


def test_paused_run_waits_for_a_person(site: Site, keeper: Keeper) -> None:
    """停着的只有人能继续，批准了也不推。"""
    run_id = registered(site, "paused", **handed_by(LI))
    rest(keeper, site)
    site.room.services.pause(run_id, LI)
    approve(site, run_id)
    rest(keeper, site)
    assert site.room.services.ledger.get_run(run_id).exit_code is None
    site.room.services.go_on(run_id, LI)
    keeper.hand_over(run_id)
    rest(keeper, site)
    assert site.room.services.ledger.get_run(run_id).exit_code == 0


def test_what_stopped_is_not_tried_over_and_over(site: Site, keeper: Keeper) -> None:
    """推不下去的记着为什么，没有新的决定就不再推。"""
    refused(site, "stuck")
    rest(keeper, site)
    seq = site.room.services.ledger.load_state("stuck").ledger_seq
    rest(keeper, site)
    assert site.room.services.ledger.load_state("stuck").ledger_seq == seq
    assert site.room.services.ledger.get_run("stuck").reason


@pytest.mark.parametrize("problem", ["", "HOME 没有应答"])
def test_decision_made_while_it_stops_is_not_lost(
    site: Site, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    """正要停下（等人，或推不下去）的那一会儿有人批准了：下一眼看得到，接着做。"""
    run_id, over = registered(site, "late", **handed_by(LI)), keeper._over

    def late(name: str, services: Services, _problem: str) -> None:
        """收尾之前刚好记下一个决定。"""
        approve(site, name)
        monkeypatch.undo()
        over(name, services, problem)

    monkeypatch.setattr(keeper, "_over", late)
    rest(keeper, site)
    rest(keeper, site)
    assert site.room.services.ledger.get_run(run_id).exit_code == 0


def test_go_on_said_while_it_stops_is_not_lost(site: Site, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """推不下去、正要停下的那一会儿有人点了继续：再推一次。"""
    run_id, over = refused(site, "again"), keeper._over

    def late(name: str, services: Services, problem: str) -> None:
        """收尾之前刚好有人点了继续。"""
        keeper.hand_over(name)
        monkeypatch.undo()
        over(name, services, problem)

    monkeypatch.setattr(keeper, "_over", late)
    rest(keeper, site)
    assert run_id in keeper._handed
    rest(keeper, site)
    assert run_id not in keeper._handed
