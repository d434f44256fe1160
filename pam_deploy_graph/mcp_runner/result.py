"""把 MCP 的答复或失败译成 ``ActionResult``，与脚本后端同样分类（contract 第 3 节）。

外来的文字一律中和并抹掉令牌；值写成与脚本相同的文本（真假是 ``true``、``false``）。
"""

import functools
import ipaddress
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ValidationError, create_model

from pam_deploy_graph.constants import ACTIONS, Backend, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.conventions import ERROR_KEY, EXIT_CODE_KEY, IN_DOUBT_KEY
from pam_deploy_graph.mcp_runner.reply import ToolAnswer
from pam_deploy_graph.models import ActionResult, Values
from pam_deploy_graph.protocol.outcome import Outcome, explain, outcome_of, own_error, retry_after_in
from pam_deploy_graph.system.safe_text import masked, neutralise

_REASON_LENGTH: Final = 500
_OUTCOME_KEYS: Final = ("SUCCESS", "MESSAGE", "VERSION")


def _plain(value: object) -> str:
    """把一个标量写成文本；不知道的是空串。"""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return neutralise(str(value))
    raise ValueError(tr("应为文本、数字或真假"))


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
    fields |= dict.fromkeys(spec.may_give, (Text, ""))
    return create_model(f"{spec.tool_name}_answer", **fields)


def result_of(action: str, ip: str | None, answer: ToolAnswer, token: str) -> ActionResult:
    """读懂一个答复。

    Args:
        action: 动作名。
        ip: 哪台工作站；全局动作为 ``None``。
        answer: MCP 的答复。
        token: 令牌，只用来把它从答复里抹掉。

    Returns:
        成功的结果带齐动作表的键；缺键、结构不对是结果未知（会改变外界的动作），服务说失败看它怎么说。

    """
    if answer.isError:
        return _refused(action, ip, answer, token)
    try:
        values = _model(action).model_validate(answer.structuredContent).model_dump(exclude_unset=True)
    except ValidationError as error:
        return _malformed(action, ip, error, answer.structuredContent)
    return ActionResult(True, action, Backend.MCP, {key: _masked(value, token) for key, value in values.items()})


def failure_of(
    action: str, ip: str | None, fault: McpFault, token: str = "", values: Values | None = None
) -> ActionResult:
    """把一次失败写成结果；会改变外界的动作做没做不知道，才是 ``in_doubt``。"""
    code = fault.code
    in_doubt = ACTIONS[action].changes and outcome_of(code) is Outcome.UNKNOWN
    reason = masked(neutralise(str(fault))[:_REASON_LENGTH], token)
    return ActionResult.failure(
        action,
        Backend.MCP,
        explain(action, ip, reason, code, in_doubt=in_doubt),
        in_doubt=in_doubt,
        exit_code=code,
        values=values or {},
        retry_after=fault.later,
    )


def _refused(action: str, ip: str | None, answer: ToolAnswer, token: str) -> ActionResult:
    """服务说失败：它给了退出码就照办；只给了 PAM 自己的原因，是被拒绝；什么都没有给，做没做不知道。"""
    said = answer.structuredContent or {}
    own = said.get(ERROR_KEY) or own_error(answer.text.encode(errors="replace"))
    unsaid = ScriptExit.REFUSED if own else ScriptExit.UNKNOWN
    code = next((each for each in ScriptExit if each and each == said.get(EXIT_CODE_KEY)), unsaid)
    if said.get(IN_DOUBT_KEY) is True and outcome_of(code) is not Outcome.UNKNOWN:
        code = ScriptExit.UNKNOWN
    fault = McpFault(str(own or answer.text or tr("MCP 服务说失败，没有说明原因")), code, later=retry_after_in(said))
    values = {key: masked(_plain(said[key]), token) for key in _OUTCOME_KEYS if isinstance(said.get(key), str | bool)}
    return failure_of(action, ip, fault, token, values)


def _malformed(action: str, ip: str | None, error: ValidationError, values: object) -> ActionResult:
    """说成功了，而答复不合模型：缺键、写错了，做没做都不知道。"""
    details = error.errors()
    names = list(dict.fromkeys(".".join(map(str, detail["loc"][:1])) for detail in details if detail["loc"]))
    missing = bool(names) and all(detail["type"] == "missing" for detail in details)
    shown = ", ".join(names)
    what = (
        tr("缺少 {shown}", shown=shown)
        if missing
        else tr("的 {shown} 不合规则", shown=shown)
        if names
        else tr("没有结构化内容")
    )
    result = failure_of(action, ip, McpFault(tr("MCP 服务的应答{what}", what=what), ScriptExit.UNKNOWN))
    if missing and isinstance(values, dict):
        return replace(result, lacks=tuple(names), values=values)
    return result


def _masked(value: str | list[str], token: str) -> str | list[str]:
    """抹掉一个值里的令牌。"""
    return [masked(each, token) for each in value] if isinstance(value, list) else masked(value, token)
