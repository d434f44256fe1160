"""试验场的配置：命令行给出的值在这里检查一次（contract 第 9 节）。"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_params
from pam_deploy_graph.lab.faults import Fault, parse_fault
from pam_deploy_graph.system.safe_text import show_value

MAX_WORKSTATIONS: Final = 65_535
_MAX_LATENCY: Final = 3_600.0
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Installed:
    """出厂就装在每台工作站上的一个模块。"""

    app: str
    module: str
    version: str


@dataclass(frozen=True, slots=True)
class LabConfig:
    """一次启动的全部配置；``port`` 为 0 表示任选，``latency`` 单位为秒。"""

    airports: tuple[str, ...]
    workstations: int
    port: int
    latency: float
    installed: tuple[Installed, ...]
    faults: tuple[Fault, ...]


def build_config(
    *,
    airports: Sequence[str],
    workstations: int,
    port: int,
    latency: float,
    installed: Sequence[str],
    faults: Sequence[str],
) -> LabConfig:
    """检查命令行给出的值，组成配置。

    Raises:
        InvalidInputError: 消息指出选项、值和规则。

    """
    _within("--workstations", workstations, 1, MAX_WORKSTATIONS)
    _within("--port", port, 0, _MAX_PORT)
    if not (math.isfinite(latency) and 0 <= latency <= _MAX_LATENCY):
        raise InvalidInputError(
            tr(
                "选项 --latency 的值 {latency} 应为 0 到 {max_latency:g} 之间的秒数",
                latency=latency,
                max_latency=_MAX_LATENCY,
            )
        )
    return LabConfig(
        airports=tuple(dict.fromkeys(_airport(code) for code in airports)),
        workstations=workstations,
        port=port,
        latency=latency,
        installed=tuple(dict.fromkeys(_installed(text) for text in installed)),
        faults=tuple(parse_fault(spec) for spec in faults),
    )


def check_state_dir(state: Path) -> None:
    """检查状态目录可用：不存在（将会新建）或者是目录。

    Raises:
        InvalidInputError: 那里有个不是目录的东西。

    """
    if state.exists() and not state.is_dir():
        raise InvalidInputError(tr("选项 --state 的值 {state} 不是目录，请换一个目录", state=show_value(str(state))))


def _within(option: str, value: int, minimum: int, maximum: int) -> None:
    """检查整数的范围。"""
    if not minimum <= value <= maximum:
        raise InvalidInputError(
            tr(
                "选项 {option} 的值 {value} 应为 {minimum} 到 {maximum} 的整数",
                option=option,
                value=value,
                minimum=minimum,
                maximum=maximum,
            )
        )


def _airport(code: str) -> str:
    """检查机场代码，返回大写。"""
    return validate_params({"AIRPORT_CODE": code})["AIRPORT_CODE"]


def _installed(text: str) -> Installed:
    """解析 ``app/module=version``。"""
    name, equals, version = text.partition("=")
    app, slash, module = name.partition("/")
    if not (equals and slash):
        raise InvalidInputError(
            tr("选项 --installed 的值 {text} 应写成 app/module=version，例如 checkin/gate=1.2.2", text=show_value(text))
        )
    checked = validate_params({"APP_NAME": app, "MODULE_NAME": module, "VERSION_NUMBER": version})
    return Installed(checked["APP_NAME"], checked["MODULE_NAME"], checked["VERSION_NUMBER"])
