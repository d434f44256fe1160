"""参数的唯一入口检查：部署参数、控制参数和 run_id（依据 contract 第 2、6 节）。

每个值进来时检查一次；不合规则就抛出中文错误，指出参数、值和规则（规则在 ``value_rules``）。令牌永远不是参数。
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from pam_deploy_graph.constants import CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS, Control, Kind
from pam_deploy_graph.errors import InvalidInputError, MissingParamsError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs import value_rules
from pam_deploy_graph.inputs.shares import share, shares
from pam_deploy_graph.inputs.value_rules import (
    AirportCode,
    Name,
    Path,
    RunId,
    Scope,
    Seconds,
    Strategy,
    Url,
    Version,
    integer,
    optional,
)
from pam_deploy_graph.system.safe_text import show_value


class DeployParams(BaseModel):
    """部署参数：键即配置文件的键，值一律成为文本；只有给出的键才算数。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    AIRPORT_CODE: AirportCode = Field("", description="机场的 IATA 代码，3 个字母")
    APP_NAME: Name = Field("", description="应用名")
    MODULE_NAME: Name = Field("", description="模块名")
    VERSION_NUMBER: Version = Field("", description="要部署的版本号")
    PAM_HOME_URL: Url = Field("", description="PAM_HOME 的地址，http 或 https，不带用户名、密码")
    PACKAGE_PATH: Path = Field("", description="安装包的路径；HOME 已有这个版本时不必给")
    REQUEST_TIMEOUT: Seconds = Field("", description="一个动作的时限，秒")
    VERIFY_TIMEOUT: Seconds = Field("", description="`verify-ip` 的时限，秒")


def _kept(row: Control) -> Any:
    """一个控制参数的类型：怎样检查、成为什么。"""
    number = integer(row.least, row.most)
    return {
        Kind.SCOPE: Scope,
        Kind.STRATEGY: Strategy,
        Kind.COUNT: Annotated[int | None, BeforeValidator(number if row.default is not None else optional(number))],
        Kind.SHARE: Annotated[int | str, BeforeValidator(share(row.least, row.most))],
        Kind.SHARES: Annotated[list[int | str], BeforeValidator(shares(row.least))],
        Kind.FLAG: bool,
        Kind.RUN_ID: RunId,
    }[row.kind]


_CONTROL_FIELDS: Final[dict[str, Any]] = {
    row.name: (_kept(row), Field(row.default, description=row.about)) for row in CONTROLS.values()
}
_MAY_BE_NONE: Final = frozenset(row.name for row in CONTROLS.values() if row.default is None)
ControlParams: Final = create_model(
    "ControlParams", __config__=ConfigDict(extra="forbid", defer_build=True), **_CONTROL_FIELDS
)
"""控制参数：决定在哪些工作站上、以什么节奏做；只有给出的键才算数；各行见 ``constants.controls``。"""


def validate_params(params: Mapping[str, object]) -> dict[str, str]:
    """检查给出的部署参数，返回规范写法。

    Args:
        params: 大写键（contract 第 2 节）；值为 str 或 int。

    Returns:
        只含给出的键，值都是文本；机场代码为大写。

    Raises:
        InvalidInputError: 有不认识的键，或有值不合规则；每一处都写进消息。

    """
    return _validate(DeployParams, params)


def validate_control(control: Mapping[str, object]) -> dict[str, Any]:
    """检查给出的控制参数；IP 范围展开成地址列表。

    Args:
        control: 小写键（contract 第 2 节）；值为 ``None`` 表示没有给（默认就是 ``None`` 的除外，那里它表示不限）。

    Returns:
        只含给出的键。

    Raises:
        InvalidInputError: 有不认识的键，或有值不合规则。

    """
    given = {key: value for key, value in control.items() if value is not None or key in _MAY_BE_NONE}
    return _validate(ControlParams, given)


def _validate(model: type[BaseModel], values: Mapping[str, object]) -> dict[str, Any]:
    """用模型检查，把 pydantic 的错误译成一条中文消息。"""
    try:
        return model.model_validate(dict(values)).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InvalidInputError(tr("；").join(_explain(model, detail) for detail in error.errors())) from None


def _explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """说明一处错误：参数、值、规则；不认识的键不回显它的值，以免把秘密写进消息。"""
    name = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        hint = tr("令牌只能来自环境变量 PAM_TOKEN 或密钥文件") if re.search(r"(?i)token|secret|password", name) else ""
        return tr(
            "不认识的参数 {name}：{hint}",
            name=show_value(name),
            hint=hint or tr("可用的参数是 ") + tr("、").join(model.model_fields),
        )
    shown = show_value(detail["input"])
    if name == "PAM_HOME_URL":
        shown = re.sub(r"//.*@|[?#].*", "***", shown)
    return tr(
        "参数 {name} 的值 {shown} 不合规则：{error}",
        name=name,
        shown=shown,
        error=detail.get("ctx", {}).get("error", detail["msg"]),
    )


def missing_params(params: Mapping[str, object]) -> list[str]:
    """列出缺少（或为空白）的必填参数，按 ``REQUIRED_PARAMS`` 的顺序。"""
    return [name for name in REQUIRED_PARAMS if _blank(params.get(name))]


def normalize_params(params: Mapping[str, object], environment: Mapping[str, object] | None = None) -> dict[str, str]:
    """补齐默认值并检查；先后次序是：给出的值、环境、``DEFAULT_PARAMS``。

    Args:
        params: 命令行或原话给出的部署参数。
        environment: 环境给出的默认值；其中不是部署参数的键忽略。

    Returns:
        含全部部署参数的字典，按 ``REQUIRED_PARAMS``、``DEFAULT_PARAMS`` 的顺序。

    Raises:
        MissingParamsError: 缺少必填参数，消息为 ``缺少必填参数: A, B``。
        InvalidInputError: 有不认识的键，或有值不合规则。

    """
    known = [*REQUIRED_PARAMS, *DEFAULT_PARAMS]
    merged: dict[str, object] = dict(DEFAULT_PARAMS)
    merged.update({key: value for key, value in (environment or {}).items() if key in known and not _blank(value)})
    merged.update({key: value for key, value in params.items() if not _blank(value)})
    missing = missing_params(merged)
    if missing:
        raise MissingParamsError(missing)
    checked = validate_params(merged)
    return {key: checked[key] for key in known}


def _blank(value: object) -> bool:
    """没有给出，或只有空白。"""
    return value is None or (isinstance(value, str) and not value.strip())


def validate_run_id(run_id: str) -> str:
    """检查 run_id，原样返回。

    Raises:
        InvalidInputError: 不合 contract 第 6 节的规则。

    """
    try:
        return value_rules.check_run_id(run_id)
    except ValueError as rule:
        raise InvalidInputError(
            tr("参数 run_id 的值 {run_id} 不合规则：{rule}", run_id=show_value(run_id), rule=rule)
        ) from None
