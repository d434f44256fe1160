"""理解、计划、分析、参数与预演：只想不做（contract 第 6 节）。"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.constants import (
    ACTIONS,
    DEFAULT_PARAMS,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    REQUIRED_PARAMS,
    build_action_backends,
)
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.llm import RuleBasedLlmClient
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult
from tests.agent.rig import PARAMS, Rig

TEXT = "在 PEK 部署 checkin 的 gate 1.3.0"
ALL_STEPS = [*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE]


class Client:
    """照本宣科的语言客户端；``asked`` 是生成计划时收到的参数。"""

    def __init__(self, intent: str = "deploy", preference: str = "", steps: list[str] | None = None) -> None:
        """收下要给的回答。"""
        self.intent, self.preference = intent, preference
        self.steps = ALL_STEPS if steps is None else steps
        self.asked: list[dict[str, Any]] = []

    def understand_request(self, text: str) -> LlmIntentResult:
        """给出意图。"""
        return LlmIntentResult(intent=self.intent, strategy_preference=self.preference, confidence=0.9, reason=text)

    def extract_params(self, text: str, base_params: Mapping[str, object] | None = None) -> LlmParamResult:
        """给出参数。"""
        return LlmParamResult(extracted_params=PARAMS, notes=[text])

    def generate_plan(self, *, params: Mapping[str, object], intent: str, strategy: str) -> LlmDeployPlan:
        """给出计划。"""
        self.asked.append({"params": dict(params), "intent": intent, "strategy": strategy})
        return LlmDeployPlan.model_validate({"steps": self.steps, "summary": "计划"})


def _agent(client: Client) -> tuple[PamDeployAgent, FakeActionRunner]:
    """用这个客户端的代理，和它的假后端。"""
    fake = FakeActionRunner()
    return PamDeployAgent(fake_runner=fake, llm_client=client), fake


def test_everything_has_a_default(home: Path) -> None:
    """什么都不给也能造：规程取随包的一份，语言客户端是离线规则。"""
    agent = PamDeployAgent()
    assert agent.skill_policy.name
    assert isinstance(agent.llm_client, RuleBasedLlmClient)


def test_a_default_path_in_the_folder_wins(home: Path) -> None:
    """当前目录有那一份就用那一份，没有才用随包的。"""
    folder = home / "doc_scripts"
    folder.mkdir()
    text = "---\nname: site-policy\ndescription: 本场规程\n---\n# 规程\n"
    (folder / "PAM_AUTO_DEPLY_SKILL.md").write_text(text, encoding="utf-8")
    assert PamDeployAgent().skill_policy.name == "site-policy"


def test_a_given_policy_must_exist(home: Path) -> None:
    """自己指定的规程不存在：报错并写出路径，不悄悄换成别的。"""
    with pytest.raises(InvalidInputError, match=r"no/such\.md"):
        PamDeployAgent(skill_path="no/such.md")


def test_the_constructor_takes_keywords_only(home: Path) -> None:
    """构造只收关键字参数。"""
    positional: Any = PamDeployAgent
    with pytest.raises(TypeError):
        positional("doc_scripts/PAM_AUTO_DEPLY_SKILL.md")


def test_answers_are_the_clients(home: Path) -> None:
    """意图、参数、计划都是客户端的回答。"""
    agent, _ = _agent(Client("status"))
    assert agent.understand_request("到哪了").model_dump()["intent"] == "status"
    assert agent.extract_params(TEXT).extracted_params == PARAMS
    plan = agent.generate_plan(params=PARAMS, intent="deploy", strategy="fake")
    assert [step.action for step in plan.steps] == ALL_STEPS


def test_an_unknown_intent_is_refused(home: Path) -> None:
    """意图不在七种之内：拒绝并写出那个词。"""
    with pytest.raises(InvalidInputError, match="destroy"):
        _agent(Client("destroy"))[0].understand_request("x")


@pytest.mark.parametrize(
    "steps",
    [
        [s for s in ALL_STEPS if s != "verify-ip"],
        [*ALL_STEPS, "rollback-ip"],
        [*ALL_STEPS[:-2], ALL_STEPS[-1], ALL_STEPS[-2]],
        [*ALL_STEPS, "rm-rf"],
        [],
    ],
    ids=["没有验证", "擅自回滚", "次序不对", "不认识的动作", "空的"],
)
def test_a_plan_outside_the_policy_is_refused(steps: list[str], home: Path) -> None:
    """计划少了步骤、多了步骤、乱了次序，都被拒绝。"""
    agent, _ = _agent(Client(steps=steps))
    with pytest.raises(InvalidInputError):
        agent.generate_plan(params=PARAMS, intent="deploy", strategy="fake")
    with pytest.raises(InvalidInputError):
        agent.analyze_request(TEXT)


def test_analysis_has_three_parts_and_does_nothing(home: Path) -> None:
    """分析恰好给出意图、参数、计划三样，不调用后端，不写文件。"""
    agent, fake = _agent(Client())
    analysis = agent.analyze_request(TEXT, {"AIRPORT_CODE": "SHA"})
    assert set(analysis) == {"intent", "params", "plan"}
    assert (analysis["intent"].intent, analysis["params"].extracted_params) == ("deploy", PARAMS)
    assert [step.action for step in analysis["plan"].steps] == ALL_STEPS
    assert fake.calls == []
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("preference", "strategy"),
    [
        ("", "hybrid_node_mcp"),
        ("quantum", "hybrid_node_mcp"),
        ("script_only", "script_only"),
        ("fake", "fake"),
    ],
)
def test_an_unknown_strategy_means_hybrid(preference: str, strategy: str, home: Path) -> None:
    """策略偏好没有或不认识，计划按 ``hybrid_node_mcp`` 拟；认识的照用。"""
    client = Client(preference=preference)
    _agent(client)[0].analyze_request(TEXT)
    (asked,) = client.asked
    assert asked["strategy"] == strategy


def test_analysis_lays_the_text_over_what_is_known(home: Path) -> None:
    """计划用的参数是已知的盖上原话里的。"""
    client = Client()
    _agent(client)[0].analyze_request(TEXT, {"VERSION_NUMBER": "0.1", "PACKAGE_PATH": "p.bin"})
    assert client.asked[0]["params"] == {"PACKAGE_PATH": "p.bin"} | PARAMS


def test_the_rules_read_a_sentence(rig: Rig) -> None:
    """默认的规则听得懂一句完整的话。"""
    analysis = rig.agent.analyze_request("部署 checkin 的 gate 模块 1.3.0 到 PEK")
    assert analysis["intent"]["intent"] == "deploy"
    assert analysis["params"]["extracted_params"]["VERSION_NUMBER"] == "1.3.0"


def test_defaults_are_merged(rig: Rig) -> None:
    """补齐默认值，给出的值不动。"""
    assert rig.agent.normalize_params(PARAMS) == DEFAULT_PARAMS | PARAMS
    assert rig.agent.normalize_params(PARAMS | {"VERIFY_TIMEOUT": "9"})["VERIFY_TIMEOUT"] == "9"


@pytest.mark.parametrize("given", [[], ["APP_NAME"], ["VERSION_NUMBER", "AIRPORT_CODE"], REQUIRED_PARAMS[1:]])
def test_missing_parameters_are_named_in_order(given: list[str], rig: Rig) -> None:
    """缺的必填参数按规定的次序列出，空白也算缺。"""
    lacking = [name for name in REQUIRED_PARAMS if name not in given]
    params = {name: PARAMS[name] for name in reversed(given)} | dict.fromkeys(lacking[:1], "  ")
    with pytest.raises(ValueError, match="缺少必填参数") as caught:
        rig.agent.normalize_params(params)
    assert str(caught.value) == "缺少必填参数: " + ", ".join(lacking)


def test_precedence(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """先后次序是：给出的值、环境变量、默认值；当前目录的 ``.env`` 不读。"""
    url = "PAM_HOME_URL"
    assert rig.agent.normalize_params(PARAMS)[url] == DEFAULT_PARAMS[url]
    Path(".env").write_text("PAM_HOME_URL=http://from-dotenv:1\n", encoding="utf-8")
    assert rig.agent.normalize_params(PARAMS)[url] == DEFAULT_PARAMS[url]
    monkeypatch.setenv(url, "http://from-env:1")
    assert rig.agent.normalize_params(PARAMS)[url] == "http://from-env:1"
    assert rig.state().params[url] == "http://from-env:1"
    assert rig.agent.normalize_params(PARAMS | {url: "http://given:1"})[url] == "http://given:1"


@pytest.mark.parametrize("strategy", ["hybrid_node_mcp", "script_only", "fake"])
def test_preview(strategy: str, rig: Rig) -> None:
    """预演写明策略、两侧的后端、部署什么和每个动作归谁，什么也不执行。"""
    text = rig.agent.preview(PARAMS, strategy)
    lines = text.splitlines()
    backends = build_action_backends(strategy)
    assert lines[0] == "## PAM 部署预演"
    assert "| action | backend |" in lines
    table = [line for line in lines if line.startswith("| ")][2:]
    assert table == [f"| `{action}` | `{backends[action]}` |" for action in ACTIONS]
    head = text.split("| action")[0]
    for shown in (strategy, *PARAMS.values()):
        assert shown in head
    assert rig.calls == []
    assert not Path("runtime").exists()


def test_preview_needs_the_required_parameters(rig: Rig) -> None:
    """缺必填参数的预演同样报缺什么。"""
    with pytest.raises(ValueError, match="缺少必填参数: APP_NAME"):
        rig.agent.preview({key: value for key, value in PARAMS.items() if key != "APP_NAME"}, "fake")
