"""一次调用的答复：自己的模型，只取用得着的字段，不做 SDK 那样昂贵的 schema 检查。"""

from typing import Any

from pydantic import BaseModel


class ToolAnswer(BaseModel):
    """``tools/call`` 的结果。"""

    content: list[dict[str, Any]] = []
    structuredContent: dict[str, Any] | None = None  # noqa: N815  协议里的字段名
    isError: bool = False  # noqa: N815  协议里的字段名

    @property
    def text(self) -> str:
        """全部文本内容。"""
        return "".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")
