"""对理解结果的校验：模型只管提议，合不合规矩由代码判断（依据 contract 第 4 节）。"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import zip_longest
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE, Phase
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.inputs.parameters import validate_control, validate_params
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult, PlanStep
from pam_deploy_graph.system.safe_text import show_value

_ModelT = TypeVar("_ModelT", bound=BaseModel)


class Intent(StrEnum):
    """操作员想做的事。"""

    DEPLOY = "deploy"
    PREVIEW = "preview"
    STATUS = "status"
    RESUME = "resume"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    CANCEL = "cancel"
    UNKNOWN = "unknown"


def validate_intent_result(result: LlmIntentResult | Mapping[str, object]) -> LlmIntentResult:
    """检查意图结果。

    Args:
        result: 模型的回答；映射会先变成 ``LlmIntentResult``。

    Returns:
        意图在八种之内的结果。策略偏好原样保留，不认识的由使用者换成默认策略。

    Raises:
        InvalidInputError: 字段不合模式，或意图不在八种之内。

    """
    checked = _as_model(LlmIntentResult, result)
    if checked.intent not in list(Intent):
        raise InvalidInputError(
            tr(
                "意图 {intent} 不认识，应为 {intent2} 之一",
                intent=show_value(checked.intent),
                intent2=tr("、").join(Intent),
            )
        )
    return checked


def validate_param_result(result: LlmParamResult | Mapping[str, object]) -> LlmParamResult:
    """检查参数结果：键都认识，值都合规则。

    Returns:
        值为规范写法的结果。

    Raises:
        InvalidInputError: 字段不合模式，有不认识的键，或有值不合规则。

    """
    checked = _as_model(LlmParamResult, result)
    known = {"extracted_params": validate_params(checked.extracted_params)}
    return checked.model_copy(update={**known, "control_params": validate_control(checked.control_params)})


def validate_deploy_plan(
    plan: LlmDeployPlan | Mapping[str, object], *, target_ips: Iterable[str] | None = None
) -> LlmDeployPlan:
    """检查计划：动作都认识、次序合规程、一步不缺、没有多余的工作站。

    每台工作站的步骤可以写成一份模板（``ip`` 为空），也可以按台逐一展开。

    Args:
        plan: 模型提议的计划；映射会先变成 ``LlmDeployPlan``。
        target_ips: 操作员要求的工作站；``None`` 表示没有点名，这时步骤里不得出现任何 IP。

    Returns:
        通过检查的计划，IP 为规范写法。

    Raises:
        InvalidInputError: 有一处不合规程；消息指出第几步、哪个动作、应当怎样。

    """
    checked = _as_model(LlmDeployPlan, plan)
    for number, step in enumerate(checked.steps, 1):
        _check_action(number, step.action)
    steps = [_canonical(step) for step in checked.steps]
    _check_ips(steps, None if target_ips is None else expand_ips(list(target_ips)))
    _check_order(steps)
    return checked.model_copy(update={"steps": steps})


def _as_model(model: type[_ModelT], value: _ModelT | Mapping[str, object]) -> _ModelT:
    """按模式读入；不合模式时报出是哪个字段。"""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        places = tr("、").join(".".join(map(str, detail["loc"])) for detail in error.errors()[:5])
        raise InvalidInputError(tr("理解结果不合模式，有误的字段：{places}", places=places or tr("整体"))) from None


def _check_action(number: int, action: str) -> None:
    """动作要在动作表里，并且属于普通步骤。"""
    spec = ACTIONS.get(action)
    if spec is None:
        raise InvalidInputError(
            tr("计划第 {number} 步的动作 {action} 不认识", number=number, action=show_value(action))
        )
    if spec.phase not in {Phase.GLOBAL, Phase.PER_IP}:
        raise InvalidInputError(
            tr(
                "计划第 {number} 步的 {action} 不能写进计划：它只在需要时由程序经人批准或为对账而做",
                number=number,
                action=action,
            )
        )


def _canonical(step: PlanStep) -> PlanStep:
    """把步骤里的 IP 写成规范形式；空串等于没有写。"""
    if not step.ip:
        return step.model_copy(update={"ip": None})
    addresses = expand_ips([step.ip])
    if len(addresses) != 1:
        raise InvalidInputError(
            tr("计划里 {action} 的 IP {ip} 应是一个地址", action=step.action, ip=show_value(step.ip))
        )
    return step.model_copy(update={"ip": addresses[0]})


def _check_ips(steps: Sequence[PlanStep], allowed: list[str] | None) -> None:
    """步骤里只能有操作员要求的工作站；展开时一台也不能漏。"""
    planned = list(dict.fromkeys(step.ip for step in steps if step.ip))
    if extra := [ip for ip in planned if ip not in set(allowed or [])]:
        raise InvalidInputError(tr("计划里有没人要求的工作站：{extra}", extra=tr("、").join(extra[:5])))
    if planned and (left_out := [ip for ip in allowed or [] if ip not in set(planned)]):
        raise InvalidInputError(tr("计划漏掉了要求的工作站：{left_out}", left_out=tr("、").join(left_out[:5])))


def _check_order(steps: Sequence[PlanStep]) -> None:
    """逐步与规程比对：全局一遍，然后每台（或模板）一遍。"""
    ips: list[str | None] = [*dict.fromkeys(step.ip for step in steps if step.ip)] or [None]
    expected: list[tuple[str, str | None]] = [(action, None) for action in GLOBAL_ACTION_SEQUENCE]
    expected += [(action, ip) for ip in ips for action in IP_ACTION_SEQUENCE]
    for number, (step, wanted) in enumerate(zip_longest(steps, expected), 1):
        found = (step.action, step.ip) if step else None
        if found != wanted:
            raise InvalidInputError(
                tr(
                    "计划第 {number} 步应是 {name}，却是 {name2}；次序由规程规定，不能增删",
                    number=number,
                    name=_name(wanted),
                    name2=_name(found),
                )
            )


def _name(step: tuple[str, str | None] | None) -> str:
    """一步的称呼。"""
    return tr("（没有）") if step is None else " ".join(part for part in step if part)
