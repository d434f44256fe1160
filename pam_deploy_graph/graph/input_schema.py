"""输入的模式：Studio 与 SDK 照它画表单；键、说明、默认值与可选的值都取自检查它们的同一份（contract 第 2 节）。"""

from typing import Any, Final

from pydantic import WithJsonSchema

from pam_deploy_graph.constants import CONTROLS, DEFAULT_PARAMS, DEFAULT_STRATEGY, ExecutionStrategy, Kind
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import ControlParams, DeployParams

_NO_DEFAULT: Final[tuple[object, ...]] = ("", None, [])
_SCOPE: Final = [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]
"""逐台写，或写成一串：``10.0.0.1-10.0.0.5``、网段、名称与组。"""


def _params() -> dict[str, Any]:
    """部署参数的模式；``PAM_HOME_URL`` 不给就用设置里的，所以不写默认值：表单会替人填上。"""
    found = DeployParams.model_json_schema()
    defaults = {name: value for name, value in DEFAULT_PARAMS.items() if name != "PAM_HOME_URL"}
    return found | {"properties": _shown(found["properties"], defaults)}


def _control() -> dict[str, Any]:
    """控制参数的模式；只在内部记着的不写。"""
    found = ControlParams.model_json_schema()
    asked = {name: value for name, value in found["properties"].items() if CONTROLS[name].help}
    for name in (name for name in asked if CONTROLS[name].kind is Kind.SCOPE):
        asked[name] = {"anyOf": _SCOPE, "description": asked[name]["description"]}
    asked["execution_strategy"] |= {"enum": [*map(str, ExecutionStrategy)]}
    shown = _shown(asked, {"execution_strategy": str(DEFAULT_STRATEGY)})
    return found | {"description": tr("控制参数：哪些工作站、什么节奏"), "properties": shown}


def _shown(properties: dict[str, Any], defaults: dict[str, str]) -> dict[str, Any]:
    """标题就是键；没有默认值的不写一个空的默认值。"""
    shown = {
        name: one | {"title": name} | ({"default": defaults[name]} if defaults.get(name) else {})
        for name, one in properties.items()
    }
    return {
        name: {key: value for key, value in one.items() if key != "default" or value not in _NO_DEFAULT}
        for name, one in shown.items()
    }


PARAMS: Final = WithJsonSchema(_params())
CONTROL: Final = WithJsonSchema(_control())
