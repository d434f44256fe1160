"""说话：批准之前改计划，结束之后要求退回，同一个毛病只问一次（contract 第 5 节）。"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE, ExitCode
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.graph.driver import Driver
from pam_deploy_graph.graph.nodes.recall import recall_node
from pam_deploy_graph.llm import OpenAiLlmClient
from pam_deploy_graph.report.html.headline import Summary, summary_of
from pam_deploy_graph.report.html.timeline import timeline_of
from pam_deploy_graph.report.html.workstations import fleet_of
from pam_deploy_graph.report.summary import render_report, report_object
from pam_deploy_graph.runs.later_rollback import open_recall, recall_of
from pam_deploy_graph.runs.rerun import failed_again
from pam_deploy_graph.runs.status import render_standing, standing
from tests.graph.desk import IPS, PARAMS, Desk
from tests.llm.scripted_model import Scene, serve


@pytest.fixture
def finished(tmp_path: Path) -> Desk:
    """三台都做完了的一次运行。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin()
    assert desk.answer("approve")["exit_code"] == 0
    return desk


def recall(desk: Desk, text: str) -> dict[str, Any]:
    """说要退回，批准它自己的计划，返回回滚的问题。"""
    assert desk.say({"messages": [("user", text)]})["ask"] == "approve_plan"
    return desk.answer("approve")


def rolled_back(desk: Desk) -> list[str | None]:
    """真的回滚了哪几台。"""
    return [ip for action, ip in desk.actions() if action == "rollback-ip"]


@pytest.mark.parametrize("thread", ["desk", "another"])
@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_recall(finished: Desk, thread: str, decision: str) -> None:
    """做完之后要把一台退回上一个版本：另开一次运行，先问，同意才回滚，只回滚那一台；换个会话说也一样。"""
    old = finished.values()["run_id"]
    finished.config = {"configurable": {"thread_id": thread}}
    plan = finished.say({"messages": [("user", f"把 {IPS[1]} 退回上一个版本")]})
    assert (plan["ask"], plan["run_id"] != old) == ("approve_plan", True)
    assert f"- {IPS[1]}: 此刻 1.2.3；退回 0.0.0 并启动" in plan["plan"]["text"]
    question = finished.answer("approve")
    assert (question["ask"], [one["ip"] for one in question["waiting"]]) == ("rollback-ip", [IPS[1]])
    assert question["run_id"] == plan["run_id"]
    assert question["effects"] == {
        "approve": "退回 0.0.0 并启动",
        "reject": "保持现状，1.2.3，gate 在运行",
    }
    assert rolled_back(finished) == []
    done = finished.answer(decision)
    assert rolled_back(finished) == ([IPS[1]] if decision == "approve" else [])
    assert finished.decisions() == [("plan", "approve", ""), (IPS[1], decision, "")]
    assert done["exit_code"] == (0 if decision == "approve" else 12)
    ledger = finished.services.ledger
    expected = ("ROLLBACK_DONE", "0.0.0") if decision == "approve" else ("REJECTED_BY_OPERATOR", "1.2.3")
    workstation = ledger.load_state(question["run_id"]).ip_states[IPS[1]]
    assert (workstation["rollback_status"], workstation["version_now"]) == expected
    assert ledger.load_state(old).ip_states[IPS[1]]["rollback_status"] == "ROLLBACK_NOT_RUN"
    assert (ledger.get_run(question["run_id"]).exit_code, ledger.get_run(old).exit_code) == (done["exit_code"], 0)


def test_recall_goes_back_to_what_the_named_run_read(finished: Desk) -> None:
    """退回说的是点了名的那次运行动手之前：它之后又有别的运行动过的，不给同意。"""
    first = finished.values()["run_id"]
    finished.begin(PARAMS | {"VERSION_NUMBER": "1.2.4"})
    assert finished.answer("approve")["exit_code"] == 0
    latest = recall(finished, f"把 {IPS[0]} 退回上一个版本")
    assert latest["waiting"][0]["to_version"] == "1.2.3"
    finished.answer("reject")
    plan = finished.say({"messages": [("user", f"把 {IPS[0]} 退回运行 {first} 之前")]})
    assert "不能退回：" in plan["plan"]["text"]
    named = finished.answer("approve")
    assert named["waiting"][0]["to_version"] == "0.0.0"
    assert "approve" not in named["allowed_decisions"]
    assert "之后动过它" in named["waiting"][0]["no_approve"]
    assert finished.answer("approve")["ask"] == "rollback-ip"
    assert rolled_back(finished) == []


def test_another_version_is_asked_about(finished: Desk) -> None:
    """话里点的是另一个版本：说出那次运行之前是哪一版，什么也不做。"""
    said = finished.say({"messages": [("user", f"把 {IPS[1]} 回滚到 1.1.9")]})
    assert "0.0.0，你说的是 1.1.9" in said["answer"]
    assert rolled_back(finished) == []
    assert len(finished.services.ledger.list_runs()) == 1


def faces(desk: Desk) -> tuple[dict[str, Any], str, str, Summary]:
    """最近一次运行的四张脸：JSON 报告、Markdown 报告、status、网页的结论。"""
    ledger = desk.services.ledger
    run = ledger.list_runs(1)[0]
    state = ledger.load_state(run.run_id)
    report = report_object(state, [])
    page = summary_of(report, fleet_of(report), timeline_of(report))
    return report, render_report(state, brief=True), render_standing(standing(ledger, run.run_id)), page


def test_recalled_is_neither_success_nor_failure(finished: Desk) -> None:
    """退回了的一台：各处的台数都不算它成功，也不算失败；没有退成的算失败。"""
    recall(finished, f"把 {IPS[1]} 退回上一个版本")
    report, text, said, page = faces(finished)
    assert (report["counts"]["succeeded"], report["counts"]["recalled"], report["counts"]["pending"]) == (0, 0, 1)
    assert [(share.look.key, share.count) for share in page.shares] == [("waiting", 1)]
    assert "1 台退回到运行" in finished.answer("approve")["answer"]
    report, text, said, page = faces(finished)
    row, counts = report["ips"][IPS[1]], report["counts"]
    assert (row["rollback"], row["version_before"], row["version_after"]) == ("ROLLBACK_DONE", "1.2.3", "0.0.0")
    assert (counts["succeeded"], counts["recalled"], counts["failed"], counts["pending"]) == (0, 1, 0, 0)
    assert "- 已退回: 1\n- 失败: 0" in text
    assert "已退回 1，失败 0" in said
    assert [(share.look.key, share.count) for share in page.shares] == [("recalled", 1)]


def test_a_recall_cannot_be_retried(finished: Desk) -> None:
    """要退回的没有可以接着做的：答 retry 不算，说明缘由再问。"""
    question = recall(finished, f"把 {IPS[1]} 退回上一个版本")
    assert question["allowed_decisions"] == ["approve", "reject"]
    again = finished.answer("retry")
    assert (again["ask"], "不能 retry" in again["problem"]) == ("rollback-ip", True)
    assert finished.answer("reject")["exit_code"] == 12


def test_recall_that_fails(finished: Desk) -> None:
    """没有退回成：说明为什么再问；再同意一次，退成了就是退回了的。"""
    finished.fake.fail("rollback-ip", IPS[1], error="没有前一个版本", times=1)
    recall(finished, f"把 {IPS[1]} 退回上一个版本")
    assert "没有前一个版本" in finished.answer("approve")["rollback_failure"]
    report, text, _, page = faces(finished)
    assert report["ips"][IPS[1]]["rollback"] == "ROLLBACK_FAILED"
    assert (report["counts"]["recalled"], report["counts"]["failed"], report["counts"]["pending"]) == (0, 1, 1)
    assert "- 失败: 1" in text
    assert [(share.look.key, share.count) for share in page.shares] == [("stuck", 1)]
    assert finished.answer("approve")["exit_code"] == 0
    assert faces(finished)[0]["counts"]["recalled"] == 1


def test_recalled_together_is_no_common_cause(finished: Desk) -> None:
    """操作员一起要退回的几台，不是「同样的毛病」。"""
    question = recall(finished, f"把 {IPS[0]} 和 {IPS[1]} 退回上一个版本")
    assert [one["ip"] for one in question["waiting"]] == IPS[:2]
    assert "同样的原因" not in question["headline"]
    assert question["text"] in str(finished.values()["messages"][-1].text)


def test_a_recall_whose_plan_is_rejected(finished: Desk) -> None:
    """计划被拒绝：什么也没有做，这次运行以 12 了结，不占着模块。"""
    finished.say({"messages": [("user", f"把 {IPS[1]} 退回上一个版本")]})
    assert finished.answer("reject")["exit_code"] == 12
    assert rolled_back(finished) == []
    assert finished.begin(PARAMS | {"VERSION_NUMBER": "1.2.4"})["ask"] == "approve_plan"


@pytest.mark.parametrize("at", ["request_recall", "open_recall"])
def test_a_recall_killed_before_it_asks_goes_on(finished: Desk, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """登记之后、提出之前被杀（``request_recall``），或还没有登记就被杀：再来就提出，不多出一次空的运行。"""
    finished.config = {"configurable": {"thread_id": "later"}}
    where = "pam_deploy_graph.runs.later_rollback" if at == "request_recall" else recall_node.__module__
    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{at}", died)
        with pytest.raises(KeyboardInterrupt):
            finished.say({"messages": [("user", f"把 {IPS[1]} 退回上一个版本")], "run_id": "back"})
    runs = [run.run_id for run in finished.services.ledger.list_runs()]
    if at == "request_recall":
        assert "back" in runs
        assert "退回: 到运行 " in render_standing(standing(finished.services.ledger, "back"))
    question = finished.say(None)
    assert (question["ask"], question["run_id"]) == ("approve_plan", "back")
    assert len(finished.services.ledger.list_runs()) == 2
    finished.answer("approve")
    assert finished.answer("approve")["exit_code"] == 0
    assert rolled_back(finished) == [IPS[1]]


def test_resume_asks_what_a_killed_recall_had_not_asked(finished: Desk) -> None:
    """登记之后就被杀，检查点里什么也没有：``resume`` 提出它的计划，批准过的接着问，绝不当作部署。"""
    services, old = finished.services, finished.values()["run_id"]
    recalled = recall_of(services.state_of(old), [IPS[1]], "")
    assert open_recall(services, services.state_of(old), recalled, "back") == "back"
    asked: list[str] = []

    def answer(question: Mapping[str, Any]) -> str | None:
        """先不答，再来都同意。"""
        asked.append(question["ask"])
        return "approve" if len(asked) > 1 else None

    driver = Driver(services, finished.graph, answer)
    assert driver.resume("back") == ExitCode.WAITING
    assert driver.resume("back") == ExitCode.DONE
    assert asked == ["approve_plan", "approve_plan", "rollback-ip"]
    assert rolled_back(finished) == [IPS[1]]


def died(*_args: object) -> None:
    """进程在这里没了。"""
    raise KeyboardInterrupt


@pytest.mark.parametrize("text", ["把 10.0.0.99 退回上一个版本", "回滚"])
def test_nothing_to_recall(finished: Desk, text: str) -> None:
    """没有部署过的，或没说是哪一台：说明原因，什么也不问，什么也不做。"""
    done = len(finished.actions())
    out = finished.say({"messages": [("user", text)]})
    assert "ask" not in out
    assert out["answer"]
    assert len(finished.actions()) == done


def test_amended_before_approval(tmp_path: Path) -> None:
    """看了计划说「去掉 10.0.0.3」：给出改了什么和新的计划，要重新批准；批准的是改过的。"""
    desk = Desk(tmp_path, InMemorySaver())
    before = desk.begin()
    after = desk.answer(f"去掉 {IPS[2]}")
    assert (after["ask"], after["plan"]["target_ips"]) == ("approve_plan", IPS[:2])
    assert after["digest"] != before["digest"]
    said = after["action_requests"][0]["description"]
    assert said.splitlines()[0] not in before["action_requests"][0]["description"]
    assert IPS[2] in said
    assert (desk.actions(), desk.decisions()) == ([], [])
    assert desk.answer("approve")["exit_code"] == 0
    assert {ip for _, ip in desk.actions() if ip} == set(IPS[:2])


def test_continued_without_an_approval(tmp_path: Path) -> None:
    """改计划时检查不过停下了，说「继续」是重新检查、再请人批准；没有批准，什么也不做。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin()
    desk.fake.fail("check-home", times=1)
    assert desk.answer(f"去掉 {IPS[2]}")["phase"] == "stopped"
    again = desk.say({"messages": [("user", "继续")]})
    assert (again["ask"], again["plan"]["target_ips"]) == ("approve_plan", IPS[:2])
    assert (desk.actions(), desk.decisions()) == ([], [])
    assert desk.answer("approve")["exit_code"] == 0


def test_the_plan_is_told_in_our_own_words(tmp_path: Path) -> None:
    """模型写的摘要与提醒不能盖过程序自己的话：摘要照规程，提醒一句不少，模型的标明是补充，没有终端转义。"""
    lie = {"summary": "只是预演，已经批准过了", "risks": ["已获批准\x1b[2J" * 99], "warnings": []}
    steps = [{"action": name, "ip": None, "description": ""} for name in (*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE)]
    with serve(Scene(lie | {"steps": steps})) as model:
        client = OpenAiLlmClient(model="m", base_url=model.base_url)
        question = Desk(tmp_path / "model", InMemorySaver(), llm_client=client).begin()
    clean = Desk(tmp_path / "rules", InMemorySaver()).begin()
    assert question["summary"] == clean["summary"]
    assert question["plan"]["warnings"][:-1] == clean["plan"]["warnings"]
    told = question["action_requests"][0]["description"]
    assert "- 注意: （补充，仅供参考）已获批准 [2J" in told
    assert "\x1b" not in told
    assert len(told) < 1_500


def test_the_plan_says_which_package_and_which_limits(tmp_path: Path) -> None:
    """批准之前看得到要装哪个包、另定了什么时限；没有另定的不说。"""
    package = tmp_path / "gate.zip"
    package.write_bytes(b"release")
    given = PARAMS | {"PACKAGE_PATH": str(package), "VERIFY_TIMEOUT": "30"}
    told = Desk(tmp_path / "given", InMemorySaver()).begin(given)["plan"]["text"].splitlines()
    assert {f"- 安装包: {package}（SHA-256 {sha256(b'release').hexdigest()}）", "- 时限: 验证 30 秒"} <= {*told}
    plain = Desk(tmp_path / "plain", InMemorySaver()).begin()["plan"]["text"]
    assert "- 安装包: HOME 里的那一份" in plain
    assert "时限" not in {line[2:].partition(":")[0] for line in plain.splitlines()}


def test_what_could_not_be_read_of_a_change_is_told(tmp_path: Path) -> None:
    """途中要跳过的里有一个写错了：先说明错在哪里，不是悄悄少跳过一台；写对了再提改动。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.to_rollback(IPS[0])
    question = desk.answer(f"跳过 {IPS[1]} 和 10.0.0.300")
    assert question["ask"] == "rollback-ip"
    assert "10.0.0.300" in question["problem"]
    assert desk.answer(f"跳过 {IPS[1]} 和 {IPS[2]}")["ask"] == "approve_plan"


def test_amended_twice(tmp_path: Path) -> None:
    """改了又改，去掉的是累加的。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin()
    desk.answer(f"去掉 {IPS[2]}")
    assert desk.answer(f"再去掉 {IPS[0]}")["plan"]["target_ips"] == [IPS[1]]
    assert desk.answer("reject")["exit_code"] == 12
    assert desk.actions() == []


def test_three_of_a_kind(tmp_path: Path) -> None:
    """接连三台同样的失败：停下来问一次，先说「3 台同样的原因」；答过之后不再为它停。"""
    ips = [f"10.0.0.{n}" for n in range(1, 8)]
    desk = Desk(tmp_path, InMemorySaver(), ips=ips)
    question: dict[str, Any] = desk.to_rollback(*ips[:5], ask_after=10)
    assert [one["ip"] for one in question["waiting"]] == ips[:3]
    assert "3 台同样的原因" in question["headline"]
    assert question["headline"] in str(desk.values()["messages"][-1].text)
    again = desk.answer("reject")
    assert [one["ip"] for one in again["waiting"]] == ips[3:5]
    assert ("start-ip", ips[6]) in desk.actions()
    assert desk.answer("reject")["exit_code"] == 11


def test_different_failures_are_no_kind(tmp_path: Path) -> None:
    """毛病各不相同就不算：照 ``ask_after`` 推到底再问。"""
    ips = [f"10.0.0.{n}" for n in range(1, 6)]
    desk = Desk(tmp_path, InMemorySaver(), ips=ips)
    for ip, action in zip(ips, ("stop-ip", "deploy-ip", "start-ip", "verify-ip"), strict=False):
        desk.fake.fail(action, ip)
    question = desk.to_rollback(ask_after=10)
    assert [one["ip"] for one in question["waiting"]] == ips[:4]
    assert "同样的原因" not in question["headline"]


def test_what_the_model_writes_is_not_streamed_to_the_screen(tmp_path: Path) -> None:
    """聊天界面边跑边收消息时，收到的是给人看的话，不是模型写的 JSON；向模型要的也不是流。"""
    with serve(Scene({"intent": "unknown"}), Scene({"intent": "unknown"}, as_tool=True)) as model:
        client = OpenAiLlmClient(model="m", base_url=model.base_url, api_key="k", timeout=60)
        graph = build_graph(checkpointer=InMemorySaver(), llm_client=client, home=tmp_path)
        config: Any = {"configurable": {"thread_id": "streamed"}}
        said = graph.stream({"messages": [("user", "你好")]}, config, stream_mode="messages")
        texts = [str(message.text) for message, _ in said]
    assert [request.get("stream") for request in model.requests] == [False, False]
    assert texts
    assert not any(text.lstrip().startswith("{") for text in texts)


def test_several_decisions_in_one_sentence(tmp_path: Path) -> None:
    """三台在等，一句话分别作了决定：各照各的执行；只说了一部分的，其余的随后再问。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.to_rollback(*IPS, ask_after=3, max_parallel=3)
    again = desk.answer(f"{IPS[0]} 回滚，{IPS[1]} 保留")
    assert [one["ip"] for one in again["waiting"]] == [IPS[2]]
    assert desk.answer("把失败的几台重试一下")["ask"] == "rollback-ip"
    assert desk.answer("不要回滚")["exit_code"] == 11
    decided = {(ip, decision) for ip, decision, _ in desk.decisions() if ip in IPS}
    expected = {(IPS[0], "approve"), (IPS[1], "reject"), (IPS[2], "retry"), (IPS[2], "reject")}
    assert (decided, rolled_back(desk)) == (expected, [IPS[0]])


@pytest.mark.parametrize("text", ["把失败的几台重试一下", "retry the failed ones"])
def test_the_failed_ones_again(tmp_path: Path, text: str) -> None:
    """做完之后说重试失败的：另开一次运行，参数不必重说，计划里只有没有成功的，批准了才做，从头做。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.fake.fail("verify-ip", IPS[1], times=1)
    desk.begin()
    first = desk.answer("approve")["run_id"]
    assert desk.answer("reject")["exit_code"] == 11
    done = len(desk.actions())
    question = desk.say({"messages": [("user", text)]})
    assert (question["ask"], question["plan"]["target_ips"]) == ("approve_plan", [IPS[1]])
    assert question["run_id"] != first
    assert f"运行 {first} 里没有成功的" in question["action_requests"][0]["description"]
    assert len(desk.actions()) == done
    assert desk.answer("approve")["exit_code"] == 0
    assert [action for action, ip in desk.actions()[done:] if ip == IPS[1]] == ["stop-ip", "deploy-ip", "start-ip"]
    assert {ip for _, ip in desk.actions()[done:]} == {None, IPS[1]}


def test_nothing_to_do_again(finished: Desk) -> None:
    """全都成功了：说明不必重做，什么也不问，什么也不做。"""
    done = len(finished.actions())
    out = finished.say({"messages": [("user", "重试失败的")]})
    assert "没有不成功的" in out["answer"]
    assert len(finished.actions()) == done


def test_a_run_that_only_looked_is_not_the_one_to_recall(finished: Desk) -> None:
    """之后的一次运行发现已是这个版本、都跳过了：没有点名的「退回」是动过它们的那一次，不是只看过的这一次。"""
    first = finished.values()["run_id"]
    finished.begin()
    assert finished.answer("approve")["counters"]["succeeded"] == len(IPS)
    plan = finished.say({"messages": [("user", f"把 {IPS[1]} 退回上一个版本")]})
    assert f"退回运行 {first} 之前" in plan["plan"]["text"]
    assert "退回 0.0.0 并启动" in plan["plan"]["text"]


def test_what_went_back_is_tried_again(desk: Desk) -> None:
    """途中照要求退回了的一台，结束之后「失败的再来一次」里有它；退回的运行本身没有什么可以再部署。"""
    desk.to_rollback(IPS[2], ask_after=2)
    desk.say({"messages": [("user", f"把 {IPS[0]} 退回上一个版本")]})
    while "exit_code" not in (found := desk.answer("approve")):
        assert found.get("ask") == "rollback-ip", found
    ledger, run_id = desk.services.ledger, found["run_id"]
    assert failed_again(ledger, run_id).control["target_ips"] == [IPS[0], IPS[2]]
