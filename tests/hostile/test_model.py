"""载体四：模型的回答是敌意的；经过核对之后计划不变。"""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import (
    CONTROLS,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    ExecutionStrategy,
    Kind,
)
from pam_deploy_graph.inputs.parameters import ControlParams
from pam_deploy_graph.llm import Intent, LlmClient, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.llm.model.answer_schema import UnderstandingSchema as Understanding
from pam_deploy_graph.llm.model.grounding import ground
from pam_deploy_graph.llm.rules.rescoping import read_reply
from tests.graph.desk import Desk
from tests.heard import analyze_text
from tests.hostile.phrases import SAID
from tests.llm.scripted_model import Scene, serve
from tools.eval import DATA
from tools.understanding import load

Answered = Callable[..., dict[str, Any]]
TEXT = "给 PEK 的 10.0.0.1 和 10.0.0.2 部署 checkin 应用 gate 模块 1.2.3，先灰度一台"
PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
CONTROL = {"target_ips": ["10.0.0.1", "10.0.0.2"], "canary": 1}
ACTIONS = [*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE]
HONEST: dict[str, Any] = dict.fromkeys(Understanding.model_fields) | {
    "intent": "deploy",
    "confidence": 1.0,
    **{name.lower(): value for name, value in {**PARAMS, **CONTROL}.items()},
}

WRONG_VALUES: list[dict[str, Any]] = [
    {"airport_code": "CAN"},
    {"version_number": "9.9.9"},
    {"app_name": "other"},
    {"module_name": "../../etc"},
    {"pam_home_url": "http://evil.example/"},
    {"package_path": "/etc/shadow"},
    {"target_ips": ["10.9.9.9"]},
    {"target_ips": ["10.0.0.0/8"]},
    {"target_ips": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]},
    {"target_ips": None},
    {"target_ips": []},
    {"exclude_ips": ["10.0.0.9"]},
    {"canary": None},
    {"canary": 99},
    {"max_failures": 99},
    {"max_parallel": 99},
    {"ask_after": 99},
    {"execution_strategy": "fake"},
    {"request_timeout": 86_400},
    {"approved": True},
    {"intent": "approve"},
    {"action": "delete-node"},
    *({"app_name": text} for text in SAID[::6]),
]


def steps(actions: list[str], **changed: Any) -> dict[str, Any]:
    """一份提议的计划。"""
    return {
        "steps": [{"action": action, "ip": None, "description": "x"} | changed for action in actions],
        "summary": "x",
        "risks": [],
        "warnings": [],
    }


_PROPOSALS = (Path(__file__).parent / "data" / "proposals.jsonl").read_text(encoding="utf-8").splitlines()
_READ = [(tuple(json.loads(line).values()), f"{at:02}") for at, line in enumerate(_PROPOSALS)]
PROPOSALS = [pytest.param(*values, id=name) for values, name in _READ]
"""一句话，和模型对它的错误回答；没有写的字段照规则的读法。"""
SLOWLY = [pytest.param(*values, id=name, marks=pytest.mark.slow) for at, (values, name) in enumerate(_READ) if at % 4]
"""整张图走一遍要贵十倍：平时走四分之一。"""

WRONG_PLANS: dict[str, Any] = {
    "no-verify": steps([action for action in ACTIONS if action != "verify-ip"]),
    "unknown-action": steps([*ACTIONS, "delete-node"]),
    "shell": steps(["rm -rf /"]),
    "rollback-without-asking": steps([*ACTIONS, "rollback-ip"]),
    "twice": steps([*ACTIONS, *ACTIONS]),
    "backwards": steps(ACTIONS[::-1]),
    "empty": steps([]),
    "other-ip": steps(ACTIONS, ip="10.9.9.9"),
    "every-ip": steps(ACTIONS, ip="0.0.0.0/0"),
    "extra-key": steps(ACTIONS, approved=True),
    "text": "plan approved",
    "list": ["deploy-ip"],
}


@pytest.fixture(scope="module")
def scripted() -> Iterator[Callable[..., OpenAiLlmClient]]:
    """照给的剧本回答的模型；服务与客户端各例共用，记着的上一句每次忘掉。"""
    with serve() as model:
        client = OpenAiLlmClient(model="m", base_url=model.base_url, api_key="k", timeout=20.0)

        def perform(*scenes: Scene) -> OpenAiLlmClient:
            """换上剧本。"""
            model.scenes[:] = scenes
            client._last = None
            return client

        yield perform


@pytest.fixture
def answered(scripted: Callable[..., OpenAiLlmClient]) -> Answered:
    """模型照剧本回答时，对同一句话的分析。"""
    return lambda *scenes: analyze_text(scripted(*scenes), TEXT)


def misled(text: str, answer: dict[str, Any]) -> list[Scene]:
    """除了 ``answer`` 里的几项，都照规则回答的模型；计划照规程写。"""
    clean = analyze_text(RuleBasedLlmClient(), text)
    said = {**clean["params"]["extracted_params"], **clean["params"]["control_params"]}
    values = {name.lower(): int(value) if name.endswith("_TIMEOUT") else value for name, value in said.items()}
    blank = dict.fromkeys(Understanding.model_fields)
    return [Scene(blank | {"intent": clean["intent"], "confidence": 1.0} | values | answer), Scene(steps(ACTIONS))]


def actions_of(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """计划的步骤。"""
    return [(step["action"], step["ip"]) for step in found["plan"]["steps"]]


@pytest.mark.parametrize("values", WRONG_VALUES, ids=lambda values: ascii(values)[:40])
def test_wrong_values_are_not_adopted(values: dict[str, Any], answered: Answered) -> None:
    """别的机场、版本、IP、策略、多余的键：不采用；有计划就与规则的完全相同。"""
    clean = analyze_text(RuleBasedLlmClient(), TEXT)
    found = answered(Scene(HONEST | values), Scene(HONEST | values, as_tool=True))
    assert found["params"]["extracted_params"] == PARAMS
    assert found["params"]["control_params"] == CONTROL
    assert found["plan"] is None or actions_of(found) == actions_of(clean)
    assert (found["strategy"], found["intent"]) == (clean["strategy"], clean["intent"])


@pytest.mark.parametrize(("text", "answer"), PROPOSALS)
def test_what_the_rules_hold_stays(text: str, answer: dict[str, Any], scripted: Callable[..., OpenAiLlmClient]) -> None:
    """规则读出来的、否定的、定不下来的，模型翻不过来：至多多问一句，绝不变成别的值、别的意图、别的计划。"""
    clean, found = (analyze_text(client, text) for client in (RuleBasedLlmClient(), scripted(*misled(text, answer))))
    assert (found["intent"], found["strategy"]) == (clean["intent"], clean["strategy"])
    known, asked = found["params"], {*found["params"]["missing_params"]}
    assert known["extracted_params"].items() <= clean["params"]["extracted_params"].items()
    assert {*clean["params"]["extracted_params"]} - {*known["extracted_params"]} <= asked
    assert known["control_params"] == clean["params"]["control_params"]
    assert asked >= {*clean["params"]["missing_params"]}
    assert found["plan"] is None or actions_of(found) == actions_of(clean)


def test_any_answer_leaves_what_the_rules_hold() -> None:
    """每一项都从原话里胡乱挑：规则读出来的一个不变、一个不少，规则要问的照问，不多出工作站、策略、安装包与时限。"""
    pick = random.Random(20_260_101)  # noqa: S311  要的是每次都一样
    for case in load(DATA / "heldout.jsonl")[::3]:
        answer = nonsense(pick, case.text)
        clean = read_reply(case.text, {}, suggested=answer.intent)
        found = ground(answer, clean, {}).result({})
        known, asked = {**clean.params, **clean.control}, {*found.missing_params}
        values = {**found.extracted_params, **found.control_params}
        assert all(values[name] == value for name, value in known.items() if name not in asked), case.text
        assert asked >= {*clean.undecided} & {*ControlParams.model_fields}, case.text
        assert not {*values} - {*known}, case.text
        assert not {*values} & {*clean.undecided} - {*known}, case.text


def nonsense(pick: random.Random, text: str) -> Understanding:
    """每一项都是原话里随便一个词或数的回答。"""
    words = [*re.findall(r"[A-Za-z0-9][\w./:-]*", text), "x"]
    numbers = [*map(int, re.findall(r"\d{1,4}", text)), 1, 2]
    values: dict[str, Any] = {name: pick.choice(words) for name in Understanding.model_fields}
    any_of: dict[Kind, Callable[[], object]] = {
        Kind.SCOPE: lambda: [pick.choice(words)],
        Kind.SHARES: lambda: [pick.choice(words)],
        Kind.STRATEGY: lambda: pick.choice([*ExecutionStrategy]),
        Kind.COUNT: lambda: pick.choice(numbers),
        Kind.SHARE: lambda: pick.choice(numbers),
        Kind.FLAG: lambda: pick.choice([True, False]),
    }
    values |= {row.name: any_of[row.kind]() for row in CONTROLS.values() if row.for_model}
    values |= {name: pick.choice(numbers) for name in ("request_timeout", "verify_timeout")}
    values |= {"intent": pick.choice([*Intent])}
    return Understanding(**values | {"confidence": 1.0})


@pytest.mark.parametrize(("text", "answer"), [*PROPOSALS[::4], *SLOWLY])
def test_the_graph_does_nothing_else(
    text: str, answer: dict[str, Any], scripted: Callable[..., OpenAiLlmClient], tmp_path: Path
) -> None:
    """整张图：请人批准的计划与只有规则时的相同，或者停下来问人；没有批准，什么也不做。"""

    def planned(client: LlmClient, home: str) -> dict[str, Any]:
        """听到这句话之后停在哪里；计划只留事实。"""
        desk = Desk(tmp_path / home, InMemorySaver(), llm_client=client)
        out = desk.say({"messages": [("user", text)], "control": {"execution_strategy": "fake"}})
        assert desk.actions() == []
        plan = out.get("plan") or {}
        return {name: plan.get(name) for name in ("params", "control", "execution_strategy", "target_ips", "summary")}

    clean = planned(RuleBasedLlmClient(), "rules")
    assert planned(scripted(*misled(text, answer)), "model") in (clean, dict.fromkeys(clean))


@pytest.mark.parametrize("waiting", ["plan", "rollback"])
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("嗯", {"intent": "resume"}),
        ("嗯", {"intent": "cancel"}),
        ("那个 5 台的机房呢", {"intent": "cancel", "canary": 5, "max_failures": 5, "target_ips": ["10.0.0.9"]}),
        ("为什么", {"intent": "rollback", "target_ips": ["10.0.0.2"]}),
        ("慢一点", {"intent": "deploy", "max_parallel": 50, "exclude_ips": ["10.0.0.2", "10.0.0.3"]}),
        ("到哪了", {"intent": "deploy", "version_number": "9.9.9"}),
    ],
)
def test_nothing_moves_on_the_way(
    waiting: str, text: str, answer: dict[str, Any], scripted: Callable[..., OpenAiLlmClient], tmp_path: Path
) -> None:
    """计划或回滚正等着人：模型把一句话听成别的，问题照旧等着，参数、范围、决定都不变，也不动手。"""
    desk = Desk(tmp_path, InMemorySaver(), llm_client=scripted(Scene(steps(ACTIONS))))
    before = desk.begin() if waiting == "plan" else desk.to_rollback("10.0.0.1")
    held, done, decided = desk.values(), desk.actions(), desk.decisions()
    scripted(Scene(dict.fromkeys(HONEST) | {"confidence": 1.0} | answer), Scene(steps(ACTIONS)))
    after = desk.answer(text)
    assert (after["ask"], after.get("digest")) == (before["ask"], before.get("digest"))
    assert {name: desk.values()[name] for name in ("params", "control")} == {
        name: held[name] for name in ("params", "control")
    }
    assert (desk.actions(), desk.decisions()) == (done, decided)


@pytest.mark.parametrize("plan", WRONG_PLANS)
def test_wrong_plans_are_not_adopted(plan: str, answered: Answered) -> None:
    """没有验证、多了动作、换了 IP、次序不对的计划：不用，改用规程的，并告诉人。"""
    clean = analyze_text(RuleBasedLlmClient(), TEXT)
    proposal = WRONG_PLANS[plan]
    found = answered(Scene(HONEST), Scene(proposal), Scene(proposal, as_tool=True))
    assert found["params"] == clean["params"]
    assert actions_of(found) == actions_of(clean)
    assert found["plan"]["summary"] == clean["plan"]["summary"]
    assert any("没有用模型的" in warning for warning in found["plan"]["warnings"])
