"""要模型照着回答的两种模式：字段一个不能少，也不能多（依据 contract 第 4 节）。"""

from pydantic import BaseModel, ConfigDict, Field

from pam_deploy_graph.constants import ExecutionStrategy
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
    execution_strategy: ExecutionStrategy | None
    canary: int | None
    max_parallel: int | None
    ask_after: int | None
    max_failures: int | None


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
