"""接一个真实的模型：``make test-llm``。

默认是自己装在 ``build/llm`` 里的小模型，它证明的是线路通，不是准头；设了 ``PAM_LLM_MODEL`` 与
``OPENAI_BASE_URL`` 的接那一个。服务起不来就是失败，不是跳过。
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE
from pam_deploy_graph.inputs.parameters import validate_control, validate_params
from pam_deploy_graph.lab.helper import Helper
from pam_deploy_graph.llm import Intent, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.settings import Settings
from tests.cli.program import ROOT
from tools.eval import DATA
from tools.understanding import load

PROGRAM: Final = ROOT / "build" / "llm" / "bin" / "python"
PATIENCE: Final = 300.0
"""小模型在忙着的机器上每秒只出两三个字；这里量的是线路，等得起。"""
TEXT: Final = "把南京禄口国际机场的 transfer 应用 desk 模块升级到 5.0.3，先灰度一台"
PARAMS: Final = {"AIRPORT_CODE": "NKG", "APP_NAME": "transfer", "MODULE_NAME": "desk", "VERSION_NUMBER": "5.0.3"}

pytestmark = [pytest.mark.llm, pytest.mark.timeout(3_600)]


@pytest.fixture(scope="module")
def settings(operator_environment: dict[str, str]) -> Iterator[Settings]:
    """操作员自己的模型；没有设就起那个小的。"""
    if operator_environment.get("PAM_LLM_MODEL"):
        yield Settings(**{name.lower(): value for name, value in operator_environment.items()})
        return
    assert PROGRAM.exists(), "没有 build/llm：请用 make test-llm，它会装好小模型"
    server = Helper([str(PROGRAM), str(Path(__file__).with_name("small_model.py"))])
    yield Settings(pam_llm_model="smollm2", openai_base_url=server.info["base_url"])
    server.stop()


@pytest.fixture
def client(settings: Settings) -> OpenAiLlmClient:
    """等得起的客户端。"""
    key, url = settings.openai_api_key, settings.openai_base_url
    return OpenAiLlmClient(model=settings.pam_llm_model, base_url=url, api_key=key, timeout=PATIENCE)


def told(capsys: pytest.CaptureFixture[str], what: str, seconds: Sequence[float]) -> None:
    """报出量到的数。"""
    with capsys.disabled():
        print(f"\n{what}，每次 {min(seconds):.1f} 到 {max(seconds):.1f} 秒")  # noqa: T201  数目要让人看见


def test_a_real_model_answers_within_the_rules(client: OpenAiLlmClient, capsys: pytest.CaptureFixture[str]) -> None:
    """模型答得准不准不管，答的一定合规矩：意图认识、值过得了检查、范围与规则听到的一样。"""
    rules = RuleBasedLlmClient()
    answered, seconds, cases = 0, list[float](), load(DATA / "heldout.jsonl")[:10]
    for case in cases:
        started = time.monotonic()
        intent, found = client.understand_request(case.text), client.extract_params(case.text, {})
        seconds.append(time.monotonic() - started)
        answered += intent.reason.startswith("模型 ")
        assert intent.intent in list(Intent)
        assert validate_params(found.extracted_params) == found.extracted_params
        assert validate_control(found.control_params) == found.control_params
        wanted = rules.extract_params(case.text, {}).control_params
        assert found.control_params.get("target_ips") == wanted.get("target_ips")
    told(capsys, f"{len(cases)} 句里模型自己答了 {answered} 句", seconds)
    assert answered, "模型一次也没有用上"


def test_a_real_model_is_asked_for_a_plan(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """写计划也真的问过模型；写得太慢、不合规程的换成规程的，并说明是为什么。"""
    started = time.monotonic()
    plan = OpenAiLlmClient.from_settings(settings).generate_plan(params=PARAMS, intent="deploy", strategy="fake")
    why = next((text for text in plan.warnings if "没有用模型的" in text), "用的是模型写的计划")
    told(capsys, why, [time.monotonic() - started])
    assert [step.action for step in plan.steps] == [*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE]
    assert "OPENAI_" not in why, "没有连上"


def test_the_command_line_asks_the_real_model(
    settings: Settings, client: OpenAiLlmClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``analyze --json`` 配好模型：真的进程，真的 HTTP；模型没有用上就会在标准错误里说。"""
    client.understand_request(TEXT)  # 服务因此记得提示，忙着的机器上也来得及
    model = {"PAM_LLM_MODEL": settings.pam_llm_model, "OPENAI_BASE_URL": settings.openai_base_url}
    environment = {**os.environ, **model, "OPENAI_API_KEY": settings.openai_api_key.get_secret_value()}
    argv = [sys.executable, "-m", "pam_deploy_graph", "analyze", "--json", TEXT]
    started = time.monotonic()
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    told(capsys, "analyze --json 用的是模型", [time.monotonic() - started])
    assert json.loads(done.stdout)["params"] == {
        "extracted_params": PARAMS,
        "control_params": {"canary": 1},
        "missing_params": [],
    }
    assert "模型没有用上" not in done.stderr
