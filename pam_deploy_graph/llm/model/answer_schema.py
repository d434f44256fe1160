"""要模型照着回答的两种模式：字段一个不能少，也不能多（依据 contract 第 4 节）。"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

from pam_deploy_graph.constants import CONTROLS, ExecutionStrategy, Kind
from pam_deploy_graph.llm.validation import Intent


class _Answer(BaseModel):
    """共同的设置：多余的字段不接受。"""

    model_config = ConfigDict(extra="forbid")


class Understanding(_Answer):
    """意图，以及原话说到的值；没说到的是 null。"""

    intent: Intent
    confidence: float = Field(ge=0.0, le=1.0)
    airport_code: str | None
    app_name: str | None
    module_name: str | None
    version_number: str | None
    pam_home_url: str | None
    package_path: str | None
    request_timeout: int | None
    verify_timeout: int | None
    target_ips: list[str] | None
    exclude_ips: list[str] | None


_TYPES: Final[dict[Kind, Any]] = {
    Kind.SCOPE: list[str] | None,
    Kind.STRATEGY: ExecutionStrategy | None,
    Kind.COUNT: int | None,
    Kind.SHARE: int | str | None,
    Kind.SHARES: list[str] | None,
    Kind.FLAG: bool | None,
}
_HEARD: Final[dict[str, Any]] = {row.name: (_TYPES[row.kind], ...) for row in CONTROLS.values() if row.for_model}
UnderstandingSchema: Final = create_model("Understanding", __base__=Understanding, **_HEARD)
"""交给模型的模式：``Understanding`` 加上控制参数表里给模型的每一行。"""


class ProposedStep(_Answer):
    """提议的一步。"""

    action: str
    ip: str | None
    description: str


class ProposedPlan(_Answer):
    """提议的计划。"""

    steps: list[ProposedStep]
    summary: str
    risks: list[str]
    warnings: list[str]
