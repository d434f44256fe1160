"""批准管着策略与账户文件：换一份、不设，谁的决定都不作数，核对得出（contract 第 8 节）。"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.audit.verify import verify
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import PolicyRefusedError
from pam_deploy_graph.ledger import PLAN, Approval
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.policy import role_parts, role_text, under
from pam_deploy_graph.runs.actor import Actor, server_actor
from pam_deploy_graph.runs.deciding import Answered, settle
from pam_deploy_graph.runs.evidence import gather
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.file_digest import file_digest
from tests.cli.site import Site
from tests.graph.desk import IPS, Desk

FOUR_EYES = '[[rule]]\napprove_plan = ["role:lead"]\nfour_eyes_from = 1\n'
LEADS = {"lead": ["PEK"]}


def files(folder: Path, policy: str = FOUR_EYES, roles: dict[str, list[str]] | None = None) -> dict[str, str]:
    """写好策略与账户文件：当前账号是 alice，另有 bob；返回两个设置。"""
    rules, people = folder / "policy.toml", folder / "people.json"
    rules.write_text(policy, encoding="utf-8")
    mine = Person(accounts=[current_operator()], roles=LEADS if roles is None else roles)
    PeopleBook(people={"alice": mine, "bob": Person(accounts=["bob"], roles=LEADS)}).save(people)
    return {"PAM_POLICY": str(rules), "PAM_PEOPLE": str(people)}


def forged(folder: Path) -> dict[str, str]:
    """另一份账户文件：当前账号成了 bob。"""
    mine = folder / "mine.json"
    PeopleBook(people={"bob": Person(accounts=[current_operator()], roles=LEADS)}).save(mine)
    return {"PAM_PEOPLE": str(mine)}


def desk_of(home: Path, env: dict[str, str], thread: str = "desk") -> Desk:
    """照这两个文件的一张桌子。"""
    services = Services(home=home, settings=Settings(**{name.lower(): path for name, path in env.items()}))
    desk = Desk(home, InMemorySaver(), thread=thread, services=services)
    services.given_router = desk.fake
    return desk


def wire(desk: Desk, told: dict[str, str]) -> None:
    """后端说接到 ``told`` 说的地方。"""
    vars(desk.fake)["endpoints"] = lambda _state: dict(told)


def act_as(desk: Desk, actor: Actor) -> None:
    """从此动手的是这个人。"""
    vars(desk.services)["local_actor"] = lambda: actor


def findings(desk: Desk) -> list[str]:
    """核对这次运行。"""
    return [f"{each.check}: {each.text}" for each in verify(gather(desk.services, str(desk.values()["run_id"])))]


@pytest.mark.parametrize("how", ["forged people", "no policy", "neither"])
def test_another_file_approves_nothing(site: Site, tmp_path: Path, how: str) -> None:
    """提出者换一份账户文件装作别人，或者不设策略：``confirm`` 不作数并记下，``resume`` 什么也没有做。"""
    site.take(1)
    env = files(tmp_path)
    assert site.run(env=env).code == 10
    other = {"forged people": env | forged(tmp_path), "no policy": {"PAM_PEOPLE": env["PAM_PEOPLE"]}, "neither": {}}
    done = site.pam("confirm", site.run_id, "--approve", *site.code(), env=other[how])
    assert (done.code, "计划照的是" in done.err) == (10, True), done.err
    again = site.pam("resume", site.run_id, env=env)
    assert (again.code, site.effects()) == (10, [])
    rows = site.pam("audit", "export", site.run_id, env=env).json()["decisions"]
    assert [row["subject"] for row in rows] == ["refused:plan"]


def test_a_changed_file_is_asked_about_again(tmp_path: Path) -> None:
    """账户文件正当地改了：原来的批准不再作数，重提的计划写着新的；提出者还是原来的人。"""
    desk = desk_of(tmp_path, files(tmp_path))
    before = desk.begin()["plan"]
    book = PeopleBook.load(tmp_path / "people.json")
    book.people["carol"] = Person(roles=LEADS)
    book.save(tmp_path / "people.json")
    after = desk.answer("approve")["plan"]
    assert (after["digest"] != before["digest"], desk.actions()) == (True, [])
    run = desk.services.state_of(str(desk.values()["run_id"]))
    assert run.requested_by == "alice"
    assert book.load(tmp_path / "people.json").shown == run.endpoints["PAM_PEOPLE"]
    bob = Actor("bob(2)@host", "bob", "cli")
    (made,) = settle(desk.services, run.run_id, [Answered(PLAN, after["digest"], Decision.APPROVE)], bob)
    assert isinstance(made, Approval)
    assert desk.answer("approve")["exit_code"] == 0
    assert findings(desk) == []


@pytest.mark.parametrize("person", ["bob", "alice"])
def test_a_row_that_the_policy_never_let_in(tmp_path: Path, person: str) -> None:
    """绕过策略写进账本的批准（链接是对的）：动手之前再问一遍策略，没有动手；核对说得出。"""
    desk = desk_of(tmp_path, files(tmp_path))
    digest = desk.begin()["plan"]["digest"]
    run_id = str(desk.values()["run_id"])
    role = role_text(person, ["lead"], "" if person == "bob" else _under(desk))
    row = Approval(PLAN, digest, str(Decision.APPROVE), person, "", 0, role=role)
    desk.services.ledger.decide(run_id, row)
    out = desk.answer("approve")
    assert (out["phase"], "批准不作数" in out["problem"], desk.actions()) == ("stopped", True, [])
    told = {"bob": "照的文件: 第 1 个决定", "alice": "策略: 第 1 个决定"}
    assert any(found.startswith(told[person]) for found in findings(desk)), findings(desk)


def _under(desk: Desk) -> str:
    """决定里照的文件怎样写。"""
    return under(desk.services.site().bound)


def test_a_rollback_that_the_policy_never_let_in(tmp_path: Path) -> None:
    """绕过策略写进账本的回滚决定：没有回滚，作废之后再问。"""
    env = files(tmp_path, '[[rule]]\napprove_rollback = ["bob"]\n')
    desk = desk_of(tmp_path, env)
    question = desk.to_rollback(IPS[0])["waiting"][0]
    run_id = str(desk.values()["run_id"])
    role = role_text("alice", ["lead"], _under(desk))
    row = Approval(IPS[0], question["digest"], str(Decision.APPROVE), "alice", "", 0, role=role)
    desk.services.ledger.decide(run_id, row)
    asked = desk.answer("approve")
    assert "策略不许 alice" in asked["waiting"][0]["changed"]
    assert ("rollback-ip", IPS[0]) not in desk.actions()


def _recall(home: Path, env: dict[str, str], endpoints: dict[str, str] | None = None) -> tuple[Desk, dict[str, Any]]:
    """部署完了（那时没有策略），再照 ``env`` 要求退回一台；返回桌子与问题。"""
    first = desk_of(home, {})
    first.begin()
    assert first.answer("approve")["exit_code"] == 0
    first.services.close()
    desk = desk_of(home, env, "later")
    if endpoints is not None:
        wire(desk, endpoints)
    return desk, desk.say({"messages": [HumanMessage(f"把 {IPS[0]} 退回上一个版本")]})


def test_a_later_rollback_is_a_request(tmp_path: Path) -> None:
    """结束之后的退回也要有权提出：没有权的得不到计划。"""
    env = files(tmp_path, '[[rule]]\nrequest = ["role:lead"]\n', {"viewer": ["PEK"]})
    desk, out = _recall(tmp_path, env)
    assert (out.get("ask"), "策略不许 alice 提出部署" in out["answer"], desk.actions()) == (None, True, [])


def test_a_later_rollback_needs_another_person(tmp_path: Path) -> None:
    """四眼也管退回：提出者不能自己批准，批准的摘要管着策略与账户文件。"""
    desk, question = _recall(tmp_path, files(tmp_path))
    assert question["ask"] == "approve_plan"
    assert "PAM_POLICY: " in question["plan"]["text"]
    assert "提出者（alice）" in desk.answer("approve")["problem"]
    assert desk.actions() == []


def test_a_later_rollback_binds_where_it_goes(tmp_path: Path) -> None:
    """退回的计划写明接到哪里、用什么程序；批准之后换了程序，再问，什么也没有做。"""
    told = {"PAM_SCRIPT_ENTRY": "/opt/own.sh（SHA-256 1）"}
    desk, question = _recall(tmp_path, {}, told)
    assert "PAM_SCRIPT_ENTRY: /opt/own.sh（SHA-256 1）" in question["plan"]["text"]
    told["PAM_SCRIPT_ENTRY"] = "/opt/own.sh（SHA-256 2）"
    asked = desk.answer("approve")
    assert (asked["ask"], "SHA-256 2" in asked["plan"]["text"], desk.actions()) == ("approve_plan", True, [])


def test_its_digest_covers_where_it_goes(tmp_path: Path) -> None:
    """同一件退回，接到别处，就是另一份计划。"""
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        desk, question = _recall(tmp_path / name, {}, {"PAM_SCRIPT_ENTRY": name})
        run = desk.services.state_of(str(desk.values()["run_id"]))
        found.append((question["plan"]["digest"], run.endpoints["PAM_SCRIPT_ENTRY"]))
    assert [entry for _, entry in found] == ["one", "other"]
    assert found[0][0] != found[1][0]


def _amended(home: Path) -> Desk:
    """alice 提出、bob 批准，一台要决定；bob 在对话里提出改动。"""
    desk = desk_of(home, files(home))
    desk.fake.fail("verify-ip", IPS[0])
    digest = desk.begin()["plan"]["digest"]
    run_id = str(desk.values()["run_id"])
    bob = Actor("bob(2)@host", "bob", "cli")
    settle(desk.services, run_id, [Answered(PLAN, digest, Decision.APPROVE)], bob)
    desk.answer("approve")
    act_as(desk, bob)
    question = desk.answer("同时 3 台，失败满 100 台才停")
    assert question["ask"] == "approve_plan", question
    return desk


def test_an_amendment_needs_another_person(tmp_path: Path) -> None:
    """途中的改动也是提出来的：提的人不能自己批准，别人可以；之后其余的仍算 alice 提出的。"""
    desk = _amended(tmp_path)
    assert "提出者（bob）" in desk.answer("approve")["problem"]
    act_as(desk, Actor("alice(1)@host", "alice", "cli"))
    assert desk.answer("approve")["ask"] == "rollback-ip"
    assert desk.services.state_of(str(desk.values()["run_id"])).requested_by == "alice"
    assert findings(desk) == []


def test_a_forged_amendment_is_named(tmp_path: Path) -> None:
    """改动的批准换成不许的人、去掉，核对说得出。"""
    desk = _amended(tmp_path)
    act_as(desk, Actor("alice(1)@host", "alice", "cli"))
    desk.answer("approve")
    bundle = gather(desk.services, str(desk.values()["run_id"]))
    (row,) = [row for row in bundle.decisions[1:] if row["subject"] == PLAN]
    whole = row["role"]
    row["role"] = whole.replace("alice|lead", "mallory|")
    assert any(each.check == "策略" and "mallory" in each.text for each in verify(bundle))
    row["role"] = whole.replace("alice", "bob")
    assert any(each.check == "策略" and "提出者" in each.text for each in verify(bundle))
    bundle.decisions.remove(row)
    assert any(each.check == "批准" and "改动" in each.text for each in verify(bundle))


def test_every_proposal_names_who_asked(tmp_path: Path) -> None:
    """灰度之后的、改接到别处的计划也写着原来是谁提出的。"""
    told = {"PAM_SCRIPT_ENTRY": "one"}
    desk = desk_of(tmp_path, files(tmp_path, "[[rule]]\n"))
    wire(desk, told)
    desk.begin(canary=1, confirm_canary=True)
    desk.answer("approve")
    told["PAM_SCRIPT_ENTRY"] = "two"
    assert desk.answer("approve")["plan"]["stage"] == "rewired"
    run = desk.services.ledger.load_state(str(desk.values()["run_id"]))
    asked = [event["requested_by"] for event in run.events if event["type"] == "PLAN_PROPOSED"]
    assert asked == ["alice"] * 3


@pytest.mark.parametrize("now", [{"PAM_MCP_URL": "http://mcp.example"}, {"MCP_URL": "http://mcp.example"}])
def test_https_of_ones_own_never_becomes_http(tmp_path: Path, now: dict[str, str]) -> None:
    """自己设的 https 改成 http：不问人，停下，什么也没有做。"""
    told = {"PAM_MCP_URL": "https://mcp.example"}
    desk = desk_of(tmp_path, {})
    wire(desk, told)
    desk.begin()
    told.clear()
    told |= now
    out = desk.answer("approve")
    assert (out["phase"], "不会改用 http" in out["problem"], desk.actions()) == ("stopped", True, [])


def test_the_allowed_nodes_are_bound_too(tmp_path: Path) -> None:
    """批准之后放宽 ``PAM_NODE_ALLOW``：再问。"""
    desk = desk_of(tmp_path, {"PAM_NODE_ALLOW": "127.0.0.1"})
    before = desk.begin()["plan"]
    assert "PAM_NODE_ALLOW: 127.0.0.1" in before["text"]
    desk.services.settings = Settings(pam_node_allow="127.0.0.1,*.elsewhere.example")
    after = desk.answer("approve")
    assert (after["ask"], after["digest"] != before["digest"], desk.actions()) == ("approve_plan", True, [])


@pytest.mark.parametrize("name", ["pam_ca_file", "pam_client_cert"])
@pytest.mark.parametrize("how", ["another file", "other content", "not set"])
def test_whom_we_trust_is_bound_too(tmp_path: Path, name: str, how: str) -> None:
    """批准之后换了 CA、客户端证书（另一个文件、同一个文件换了内容、不设了）：再问，新的计划写着新的。"""
    paper, other = tmp_path / "one.pem", tmp_path / "other.pem"
    for file in (paper, other):
        file.write_text(file.name)
    desk = desk_of(tmp_path, {name.upper(): str(paper)})
    before = desk.begin()["plan"]
    assert f"{name.upper()}: {paper}（SHA-256 {file_digest(paper)}）" in before["text"]
    if how == "other content":
        paper.write_text("changed")
    else:
        desk.services.settings = Settings(**({name: str(other)} if how == "another file" else {}))
    after = desk.answer("approve")
    assert (after["ask"], after["digest"] != before["digest"], desk.actions()) == ("approve_plan", True, [])
    now = desk.services.state_of(str(desk.values()["run_id"])).endpoints.get(name.upper(), "")
    assert now == {"another file": f"{other}（SHA-256 {file_digest(other)}）", "not set": ""}.get(
        how, f"{paper}（SHA-256 {file_digest(paper)}）"
    )


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("how", ["another", "other content", "not set", "PAM_CA_FILE"])
def test_whom_the_environment_trusts_is_bound_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    """环境选的信任也一样：换了、改了、不设了、改用站点自己的 CA，都再问。"""
    one, two = tmp_path / "one" / "ca.pem", tmp_path / "two" / "ca.pem"
    for file in (one, two):
        file.parent.mkdir()
        file.write_text(str(file))
    chosen = {file: str(file if name == "SSL_CERT_FILE" else file.parent) for file in (one, two)}
    monkeypatch.setenv(name, chosen[one])
    desk = desk_of(tmp_path, {})
    before = desk.begin()["plan"]
    assert f"{name}: {chosen[one]}（SHA-256 " in before["text"]
    if how == "another":
        monkeypatch.setenv(name, chosen[two])
    elif how == "other content":
        one.write_text("changed")
    elif how == "not set":
        monkeypatch.delenv(name)
    else:
        desk.services.settings = Settings(pam_ca_file=str(two))
    after = desk.answer("approve")
    assert (after["ask"], after["digest"] != before["digest"], desk.actions()) == ("approve_plan", True, [])
    now = desk.services.state_of(str(desk.values()["run_id"])).endpoints
    assert (name in now) is (how in {"another", "other content"})


def test_a_login_cannot_bring_a_role(tmp_path: Path) -> None:
    """登录名里的 ``|`` 不是角色。"""
    actor = server_actor(None, "bob|lead")
    assert role_parts(role_text(actor.person, [])) == ("bob%7Clead", [])
    desk = desk_of(tmp_path, files(tmp_path))
    digest = desk.begin()["plan"]["digest"]
    answer = Answered(PLAN, digest, Decision.APPROVE)
    (refused,) = settle(desk.services, str(desk.values()["run_id"]), [answer], replace(actor, channel="server"))
    assert isinstance(refused, PolicyRefusedError)
