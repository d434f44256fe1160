"""把 MCP 的答复或失败译成 ``ActionResult``，与脚本后端同样分类（contract 第 3 节）。

外来的文字一律中和并抹掉令牌；值写成与脚本相同的文本（真假是 ``true``、``false``）。
"""

import functools
import ipaddress
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ValidationError, create_model

from pam_deploy_graph.constants import ACTIONS, Backend, ScriptExit
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.conventions import ERROR_KEY, EXIT_CODE_KEY, IN_DOUBT_KEY
from pam_deploy_graph.mcp_runner.reply import ToolAnswer
from pam_deploy_graph.models import ActionResult, Values
from pam_deploy_graph.protocol.outcome import explain
from pam_deploy_graph.system.safe_text import masked, neutralise

_REASON_LENGTH: Final = 500
_OUTCOME_KEYS: Final = ("SUCCESS", "MESSAGE", "VERSION")


def _plain(value: object) -> str:
    """把一个标量写成文本。"""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return neutralise(str(value))
    raise ValueError("应为文本、数字或真假")


def _address(value: object) -> str:
    """核对一个真实的 IP 地址。"""
    return str(ipaddress.ip_address(str(value)))


Text = Annotated[str, BeforeValidator(_plain)]
Address = Annotated[str, BeforeValidator(_address)]


@functools.cache
def _model(action: str) -> type[BaseModel]:
    """一个动作的成功答复的模型：动作表要求的键都要有。"""
    spec = ACTIONS[action]
    fields: dict[str, Any] = {key: (list[Address] if key == "IP" else Text, ...) for key in spec.gives}
    return create_model(f"{spec.tool_name}_answer", **fields)


def result_of(action: str, ip: str | None, answer: ToolAnswer, token: str) -> ActionResult:
    """读懂一个答复。

    Args:
        action: 动作名。
        ip: 哪台工作站；全局动作为 ``None``。
        answer: MCP 的答复。
        token: 令牌，只用来把它从答复里抹掉。

    Returns:
        成功的结果带齐动作表的键；服务说失败、缺键是失败；结构不对是结果未知（会改变外界的动作）。

    """
    if answer.isError:
        return _refused(action, ip, answer, token)
    try:
        values = _model(action).model_validate(answer.structuredContent).model_dump()
    except ValidationError as error:
        return _malformed(action, ip, error)
    return ActionResult(True, action, Backend.MCP, {key: _masked(value, token) for key, value in values.items()})


def failure_of(
    action: str, ip: str | None, fault: McpFault, token: str = "", values: Values | None = None
) -> ActionResult:
    """把一次失败写成结果；只有会改变外界、又可能已经送达的才是结果未知。"""
    in_doubt = fault.sent and ACTIONS[action].changes
    reason = masked(neutralise(str(fault))[:_REASON_LENGTH], token)
    summary = explain(action, ip, reason, fault.code, in_doubt=in_doubt)
    return ActionResult.failure(
        action, Backend.MCP, summary, in_doubt=in_doubt, exit_code=fault.code, values=values or {}
    )


def _refused(action: str, ip: str | None, answer: ToolAnswer, token: str) -> ActionResult:
    """服务说失败：它给了退出码和结果是否未知就照办，没给就算被拒绝。"""
    said = answer.structuredContent or {}
    code = next((each for each in ScriptExit if each and each == said.get(EXIT_CODE_KEY)), ScriptExit.REFUSED)
    reason = said.get(ERROR_KEY) or answer.text or "MCP 服务说失败，没有说明原因"
    fault = McpFault(str(reason), code, sent=said.get(IN_DOUBT_KEY) is True)
    values = {key: masked(_plain(said[key]), token) for key in _OUTCOME_KEYS if isinstance(said.get(key), str | bool)}
    return failure_of(action, ip, fault, token, values)


def _malformed(action: str, ip: str | None, error: ValidationError) -> ActionResult:
    """成功的答复不合模型：只是缺键就是失败，写错了就是结果未知。"""
    details = error.errors()
    names = ", ".join(dict.fromkeys(".".join(map(str, detail["loc"][:1])) for detail in details if detail["loc"]))
    if names and all(detail["type"] == "missing" for detail in details):
        return failure_of(action, ip, McpFault(f"MCP 服务的应答缺少 {names}", ScriptExit.REFUSED, sent=False))
    what = f"的 {names} 不合规则" if names else "没有结构化内容"
    return failure_of(action, ip, McpFault(f"MCP 服务的应答{what}", ScriptExit.REFUSED, sent=True))


def _masked(value: str | list[str], token: str) -> str | list[str]:
    """抹掉一个值里的令牌。"""
    return [masked(each, token) for each in value] if isinstance(value, list) else masked(value, token)
