"""理解结果：意图、参数、计划（依据 contract 第 4 节）。"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Model(BaseModel):
    """理解结果的共同设置：多余的字段不接受；``r["intent"]`` 与 ``r.intent`` 等价。"""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def __getitem__(self, name: str) -> Any:
        """按下标读取一个字段。"""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return getattr(self, name)


class LlmIntentResult(_Model):
    """意图；``strategy_preference`` 没有点名时为空串，``confidence`` 在 0 与 1 之间。"""

    intent: str
    strategy_preference: str = ""
    confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    reason: str = ""


class LlmParamResult(_Model):
    """参数；原话没有提到的键不出现，默认值之后再补。"""

    extracted_params: dict[str, str] = Field(default_factory=dict)
    control_params: dict[str, Any] = Field(default_factory=dict)
    missing_params: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class PlanStep(_Model):
    """计划的一步；``ip`` 为空表示对每一台目标。"""

    action: str
    ip: str | None = None
    description: str = ""


class LlmDeployPlan(_Model):
    """部署计划：只是提议，执行与否由代码和人决定。"""

    steps: list[PlanStep] = Field(default_factory=list)
    summary: str = ""
    risks: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)

    @field_validator("steps", mode="before")
    @classmethod
    def _names_are_steps(cls, value: Any) -> Any:
        """允许只写动作名的步骤。"""
        if not isinstance(value, list):
            return value
        return [{"action": step} if isinstance(step, str) else step for step in value]
