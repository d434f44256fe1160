"""HTTP 之门：在 MCP 之前核对 ``Authorization: Bearer``；不对答 401。"""

import hmac

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class BearerGuard:
    """核对令牌的 ASGI 中间件；``token`` 为空则不核对（只会听在回环地址上）。"""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """令牌只留在内存里。"""
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """放行或拒绝一个请求。"""
        if scope["type"] == "http" and self._expected is not None:
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = JSONResponse({"error": "令牌缺失或不对：请核对环境变量 PAM_TOKEN"}, 401)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
