"""批准的地址与程序就是用的那些：HOME 换了说法要先问人，绝不可用的一律拒绝（contract 第 3 节「NODE 的地址」）。"""

from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.errors import GlobalStepError, RunPausedError
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.inputs.service_address import read_allowed, same_address, usable_unasked, why_unusable
from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.script_runner import ScriptActionRunner
from pam_deploy_graph.settings import Settings
from tests.graph.desk import PARAMS, Desk

APPROVED, OTHER = "https://node.pek.example", "https://node.elsewhere.example"
NODE_SIDE = {"sync-node", "stop-ip", "deploy-ip", "start-ip", "verify-ip"}


def _desk(home: Path, allow: str = "", said: str = APPROVED) -> Desk:
    """HOME 说节点在 ``said`` 的一张桌子。"""
    services = Services(home=home, settings=Settings(pam_node_allow=allow))
    desk = Desk(home, InMemorySaver(), services=services)
    services.given_router = desk.fake
    desk.fake.fail("get-node-url", values={"NODE_URL": said})
    return desk


def _says(desk: Desk, url: str) -> None:
    """HOME 从此说是另一个地址。"""
    desk.fake._failures.clear()
    desk.fake.fail("get-node-url", values={"NODE_URL": url})


def _reached_node(desk: Desk) -> set[str]:
    """到过节点的动作。"""
    return {name for name, _ in desk.actions()} & NODE_SIDE


def test_the_plan_shows_where_it_goes(tmp_path: Path) -> None:
    """计划写明节点的地址。"""
    assert f"NODE_URL: {APPROVED}" in _desk(tmp_path).begin()["plan"]["text"]


@pytest.mark.parametrize(("answer", "code"), [("approve", 0), ("reject", 12)])
def test_a_new_address_is_asked_about(tmp_path: Path, answer: str, code: int) -> None:
    """批准之后 HOME 说了另一个地址：节点一侧什么也没有送，问题写出新旧两个；同意才用。"""
    desk = _desk(tmp_path)
    desk.begin()
    _says(desk, OTHER)
    question = desk.answer("approve")
    assert APPROVED in question["plan"]["text"]
    assert OTHER in question["plan"]["text"]
    assert _reached_node(desk) == set()
    assert desk.answer(answer)["exit_code"] == code
    assert bool(_reached_node(desk)) is (answer == "approve")


@pytest.mark.parametrize(
    ("allow", "new"),
    [
        ("*.elsewhere.example", OTHER),
        ("node.elsewhere.example", OTHER),
        ("10.9.0.0/16", "https://10.9.3.4:8443"),
        ("", "https://127.0.0.1:8443"),
    ],
)
def test_an_allowed_address_is_used_unasked(tmp_path: Path, allow: str, new: str) -> None:
    """``PAM_NODE_ALLOW`` 允许的、本机的：不必问。"""
    desk = _desk(tmp_path, ",".join(filter(None, [allow, "node.pek.example"])) if allow else "")
    desk.begin()
    _says(desk, new)
    assert desk.answer("approve")["exit_code"] == 0
    assert desk.services.state_of(desk.values()["run_id"]).node_url == new


def test_https_never_becomes_http(tmp_path: Path) -> None:
    """批准的是 https：改成 http 的，允许了也不用。"""
    desk = _desk(tmp_path, "node.pek.example")
    desk.begin()
    _says(desk, APPROVED.replace("https", "http"))
    out = desk.answer("approve")
    assert (out["phase"], "不会改用 http" in out["problem"]) == ("stopped", True)
    assert _reached_node(desk) == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fe80::1]/",
        "http://metadata.google.internal./",
        "http://100.100.100.200/",
        "http://user:secret@node.example/",
        "file:" + "///etc/passwd",
        "",
    ],
)
def test_an_address_that_is_never_usable(tmp_path: Path, url: str) -> None:
    """链路本地、元数据服务、带口令的、不是 http 的：计划之前就拒绝。"""
    assert why_unusable(url)
    out = _desk(tmp_path, said=url).begin()
    assert (out["phase"], "不能用" in out["problem"]) == ("stopped", True)


def test_pinned_before_the_first_approval(tmp_path: Path) -> None:
    """设了 ``PAM_NODE_ALLOW``，HOME 头一次说的也要在其中。"""
    out = _desk(tmp_path, "node.other.example").begin()
    assert (out["phase"], "PAM_NODE_ALLOW" in out["problem"]) == ("stopped", True)


@pytest.mark.parametrize(
    ("entry", "url", "yes"),
    [
        ("node.example", "http://node.example:81", True),
        ("node.example:81", "http://node.example", False),
        ("https://node.example", "http://node.example", False),
        ("*.example", "http://a.b.example", True),
        ("*.example", "http://example", False),
        ("example", "http://evil-example", False),
        ("fd00::/8", "http://[fd00::9]:80", True),
    ],
)
def test_what_an_entry_allows(entry: str, url: str, yes: bool) -> None:  # noqa: FBT001  期望值
    """一项许可管哪些地址。"""
    assert usable_unasked(url, read_allowed(entry)) is yes


def test_writing_does_not_make_another_address() -> None:
    """大小写、默认端口、末尾的斜线不算换了地址。"""
    assert same_address("https://Node.example:443/", "https://node.example")
    assert not same_address("https://node.example/a", "https://node.example/b")


def test_own_programs_are_named(tmp_path: Path) -> None:
    """自己的脚本入口写明路径与 SHA-256，改了内容就不是同一个；MCP 的命令只给指纹，参数不写出来。"""
    entry = tmp_path / "own.sh"
    entry.write_text("#!/bin/bash\n", encoding="utf-8")
    runner, state = ScriptActionRunner(script_entry=str(entry)), AgentState("r", PARAMS, "script_only")
    before = runner.endpoints(state)["PAM_SCRIPT_ENTRY"]
    entry.write_text("#!/bin/bash\ncurl evil\n", encoding="utf-8")
    assert before.startswith(str(entry))
    assert runner.endpoints(state)["PAM_SCRIPT_ENTRY"] != before
    assert ScriptActionRunner(script_entry="").endpoints(state) == {}
    told = McpActionRunner(command=["node-mcp", "--key", "s3cret"]).endpoints(state)["PAM_MCP_COMMAND"]
    assert told.startswith("node-mcp")
    assert "s3cret" not in told
    assert McpActionRunner(url="").endpoints(state) == {}


def test_a_program_changed_after_the_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """批准之后换了入口：没有照用，就地提出新的计划。"""
    desk = _desk(tmp_path)
    told = {"PAM_SCRIPT_ENTRY": "/opt/own.sh（SHA-256 1）"}
    monkeypatch.setattr(desk.fake, "endpoints", lambda state: told, raising=False)
    assert "/opt/own.sh（SHA-256 1）" in desk.begin()["plan"]["text"]
    told["PAM_SCRIPT_ENTRY"] = "/opt/own.sh（SHA-256 2）"
    question = desk.answer("approve")
    assert "/opt/own.sh（SHA-256 2）" in question["plan"]["text"]
    assert desk.actions() == []
    assert desk.answer("approve")["exit_code"] == 0


def _dies_on_the_way(home: Path, saver: InMemorySaver) -> str:
    """第一台做完就停下的进程；返回运行名。"""
    desk = _desk(home, said=APPROVED)
    desk.graph = build_graph(checkpointer=saver, services=desk.services)

    def stop(event: Event) -> None:
        """第一台做完就停。"""
        if event["type"] == "IP_DONE":
            desk.services.stop.set()

    desk.services.listeners.append(stop)
    desk.begin()
    with pytest.raises(RunPausedError):
        desk.answer("approve")
    run_id = str(desk.values()["run_id"])
    desk.services.close()
    return run_id


@pytest.mark.parametrize(("said", "asks"), [(APPROVED, False), (OTHER, True)])
def test_another_process_asks_home_before_it_goes_on(tmp_path: Path, said: str, asks: bool) -> None:  # noqa: FBT001  两种情形
    """换一个进程从逐台那一步接着做：先问 HOME 节点在哪里，不用从前记得的；换了地址先请人批准。"""
    saver = InMemorySaver()
    run_id = _dies_on_the_way(tmp_path, saver)
    desk = _desk(tmp_path, said=said)
    desk.graph = build_graph(checkpointer=saver, services=desk.services)
    desk.services.go_on(run_id, desk.services.local_actor())
    question = desk.say(None)
    assert desk.fake.calls[0][0] == "get-node-url"
    assert (question.get("ask") == "approve_plan") is asks
    assert bool(_reached_node(desk)) is not asks
    if asks:
        assert desk.answer("approve")["exit_code"] == 0


def test_without_an_answer_from_home_nothing_is_done(tmp_path: Path) -> None:
    """HOME 答不了：不拿从前的地址去试，一台也没有动；答得了就接着做。"""
    saver = InMemorySaver()
    run_id = _dies_on_the_way(tmp_path, saver)
    desk = _desk(tmp_path)
    desk.graph = build_graph(checkpointer=saver, services=desk.services)
    desk.fake._failures.clear()
    desk.fake.fail("get-node-url", error="HOME 不答", times=1)
    desk.services.go_on(run_id, desk.services.local_actor())
    with pytest.raises(GlobalStepError, match="HOME 不答"):
        desk.say(None)
    assert _reached_node(desk) == set()
    desk.fake.fail("get-node-url", values={"NODE_URL": APPROVED})
    assert desk.say(None)["exit_code"] == 0
