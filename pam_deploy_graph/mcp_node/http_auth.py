"""HTTP 之门：在 MCP 之前核对路径与 ``Authorization: Bearer``。"""

import hmac

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH


class Gate:
    """整个应用只有一个地址，所以不用路由表；令牌不对答 401，别的地址答 404。"""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """``token`` 只留在内存里；为空则不核对（那时只会听在回环地址上）。"""
        self._app = app
        self._expected = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """放行或拒绝一个请求。"""
        if scope["type"] != "http":
            return
        if not self._trusts(scope):
            refusal = JSONResponse({"error": tr("令牌缺失或不对：请核对环境变量 PAM_TOKEN")}, 401)
            refusal.headers["WWW-Authenticate"] = "Bearer"
            await refusal(scope, receive, send)
        elif scope["path"] != MCP_PATH:
            await JSONResponse({"error": tr("没有这个地址；MCP 在 {mcp_path}", mcp_path=MCP_PATH)}, 404)(
                scope, receive, send
            )
        else:
            await self._app(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        """令牌对不对；比较的时间与内容无关。"""
        if self._expected is None:
            return True
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, credentials = given.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(credentials, self._expected)
