"""经 MCP 的一次失败：原因、退出码，以及请求是否可能已经送达。"""

from typing import Any, Self

from pam_deploy_graph.constants import ScriptExit


class McpFault(Exception):  # noqa: N818  没有答复是意料之中的结果，不是程序错误
    """没有得到答复，或答复不能用；只在本包内流转，对外一律译成 ``ActionResult``。"""

    def __init__(self, reason: str, code: ScriptExit, *, sent: bool, gone: bool = False) -> None:
        """记下失败。

        Args:
            reason: 中文原因。
            code: 与脚本后端同义的退出码。
            sent: 请求可能已被对方处理；为假即肯定没有。
            gone: 会话已经不在了，重开一个就可以再送（``sent`` 此时为假）。

        """
        super().__init__(reason)
        self.code = code
        self.sent = sent
        self.gone = gone

    def to_data(self) -> dict[str, Any]:
        """写成 JSON-RPC 错误的 ``data``。"""
        return {"reason": str(self), "code": int(self.code), "sent": self.sent, "gone": self.gone}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """由 ``to_data`` 的结果还原。"""
        return cls(data["reason"], ScriptExit(data["code"]), sent=data["sent"], gone=data["gone"])

    @classmethod
    def root_of(cls, error: BaseException) -> "McpFault":
        """把异常（常是一层层的异常组）归成一个原因；不认识的算可能已送达。"""
        if isinstance(error, BaseExceptionGroup):
            inner = [cls.root_of(each) for each in error.exceptions]
            return next((fault for fault in inner if not fault.sent), inner[0])
        if isinstance(error, McpFault):
            return error
        return McpFault(f"MCP 会话出错：{type(error).__name__}: {error}", ScriptExit.NETWORK, sent=True)
