"""载体三：MCP 服务的工具说明与答复里混进了别的话；它们只是值，进不了动作、工作站与步骤。"""

import pytest
from mcp.types import Tool

from pam_deploy_graph.constants import ACTIONS, Backend, Side
from pam_deploy_graph.mcp_runner.reply import ToolAnswer
from pam_deploy_graph.mcp_runner.result import result_of
from pam_deploy_graph.mcp_runner.tool_check import arguments_of, fingerprint, fit
from tests.hostile.phrases import FOREIGN, numbered, visible

IP = "10.0.0.1"
TOKEN = "canary-0123456789"
PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
NODE = [spec for spec in ACTIONS.values() if spec.side is Side.NODE]


def tools(text: str) -> list[Tool]:
    """全部工具，说明与标题都是这句话；再加一个以它命名的。"""
    named = [Tool(name=spec.tool_name, title=text, description=text, inputSchema={"type": "object"}) for spec in NODE]
    return [*named, Tool(name=text, description=text, inputSchema={"type": "object"})]


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_tool_text_changes_nothing(text: str) -> None:
    """说明里写什么都一样：还是动作表里的那些工具，指纹不变，交出去的输入只有我们自己的。"""
    assert fit(tools(text)) == fit(tools("plain"))
    assert set(fit(tools(text))) == {spec.name for spec in NODE}
    assert fingerprint(tools(text)) == fingerprint(tools("plain"))
    options = {"ip": IP, "idempotency_key": "k", "stop_first": True, "hash_code": "h"}
    for spec in NODE:
        given = arguments_of(spec, PARAMS, options, fit(tools(text))[spec.name])
        assert set(given.values()) <= {*PARAMS.values(), *options.values()}


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_results_are_only_values(text: str) -> None:
    """成功的答复只取动作表要求的键，写成可见的文字；多出来的键不要，令牌抹掉。"""
    extra = {"next_action": text, "APPROVED": "true", "ip": "10.9.9.9", "steps": [text]}
    content = {"MESSAGE": text + TOKEN, "SUCCESS": "true", "VERSION": "1.2.3"}
    answer = ToolAnswer(content=[{"type": "text", "text": text}], structuredContent=content | extra)
    result = result_of("stop-ip", IP, answer, TOKEN)
    assert (result.ok, result.action, result.backend) == (True, "stop-ip", Backend.MCP)
    assert set(result.values) == set(ACTIONS["stop-ip"].gives)
    assert all(visible(value) and TOKEN not in value for value in result.values.values())


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_refusals_stay_refusals(text: str) -> None:
    """说失败就是失败：理由写什么都成不了成功，也成不了结果未知；给人看的话可见、没有令牌。"""
    said = {"ERROR": text + TOKEN, "SUCCESS": text, "EXIT_CODE": text, "IN_DOUBT": text}
    result = result_of("stop-ip", IP, ToolAnswer(isError=True, structuredContent=said), TOKEN)
    assert (result.ok, result.in_doubt) == (False, False)
    assert visible(result.error_summary)
    assert TOKEN not in result.error_summary
    assert len(result.error_summary) < 1_000


@pytest.mark.parametrize("text", numbered(FOREIGN))
def test_online_list_takes_addresses_only(text: str) -> None:
    """在线清单里夹着的话不是地址：整个答复不要。"""
    answer = ToolAnswer(structuredContent={"IP": [IP, text], "AIRPORT_CODE": "PEK"})
    result = result_of("get-online-ips", None, answer, TOKEN)
    assert not result.ok
    assert "IP" not in result.values
