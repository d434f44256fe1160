"""HTTP 的公共部分：令牌、请求检查、应答格式、拒绝（contract 第 3 节「PAM HTTP protocol」）。

应答默认是 JSON；请求带 ``Accept: text/plain`` 时是 ``KEY=VALUE`` 行，键大写，供只有 bash 和 curl 的脚本使用：
``hash``、``airport`` 译作动作表的 ``HASH_CODE``、``AIRPORT_CODE``，工作站列表译作重复的 ``IP``，值里的换行换成空格。
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call
from pam_deploy_graph.system.http_body import bounded
from pam_deploy_graph.system.safe_text import show_value

_TEXT_KEYS: Final = {"hash": "HASH_CODE", "airport": "AIRPORT_CODE"}
_BUSY: Final = (429, 503)
"""没有收下、请稍后再来的状态。"""
_RETRY_AFTER: Final = "1"
_MAX_BODY: Final = 65_536
_MAX_KEY: Final = 255

AnyModel = TypeVar("AnyModel", bound=BaseModel)


class Refused(Exception):  # noqa: N818 —— 拒绝是协议的正常应答，不是程序错误
    """拒绝一个请求：HTTP 状态、中文原因和附带的键。"""

    def __init__(self, status: int, reason: str, **extra: Any) -> None:
        """记下状态与应答的内容。"""
        super().__init__(reason)
        self.status = status
        self.payload: dict[str, Any] = {"error": reason, **extra}

    @property
    def final(self) -> bool:
        """是否是对这个幂等键的最终答复；429 与 503 是暂时的，同一个键可以重试。"""
        return self.status not in _BUSY


def text_lines(payload: Mapping[str, Any]) -> str:
    """把 JSON 对象写成 ``KEY=VALUE`` 行。"""
    return "".join(f"{key}={value}\n" for key, value in _pairs(payload))


def _pairs(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """逐个给出大写的键和单行的值。"""
    for name, value in payload.items():
        if isinstance(value, list):
            yield from (("IP", item["ip"]) for item in value)
            continue
        text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        yield _TEXT_KEYS.get(name, name.upper()), " ".join(text.splitlines())


def answer(request: Request, payload: Mapping[str, Any], status: int = 200) -> Response:
    """按请求要的格式作答。"""
    if "text/plain" in request.headers.get("accept", ""):
        return Response(text_lines(payload), status, media_type="text/plain")
    return Response(json.dumps(payload, ensure_ascii=False), status, media_type="application/json")


async def read_body(request: Request) -> bytes:
    """读入正文；超过上限就拒绝，不读完。"""
    body = await bounded(request.stream(), _MAX_BODY)
    if body is None:
        raise Refused(413, tr("请求正文超过 {max_body} 字节", max_body=_MAX_BODY))
    return body


def parse(model: type[AnyModel], data: bytes | Mapping[str, Any]) -> AnyModel:
    """按模型检查 JSON 正文或路径、查询里的值；不合规则答 400。"""
    try:
        return model.model_validate_json(data) if isinstance(data, bytes) else model.model_validate(data)
    except ValidationError as error:
        raise Refused(400, tr("；").join(_explain(detail) for detail in error.errors())) from None


def _explain(detail: Any) -> str:
    """说明一处错误：哪个键、什么值、什么规则。"""
    name = ".".join(map(str, detail["loc"])) or tr("请求正文")
    if detail["type"] == "missing":
        return tr("缺少 {name}", name=name)
    if detail["type"] in {"json_invalid", "model_type"}:
        return tr("请求正文应为 JSON 对象")
    rules = {
        "string_pattern_mismatch": tr("应为 64 位小写十六进制的 SHA-256"),
        "bool_type": tr("应为 true 或 false"),
        "string_type": tr("应为文本"),
        "literal_error": tr("应为 true 或 false"),
    }
    rule = rules.get(detail["type"]) or detail.get("ctx", {}).get("error", detail["msg"])
    return tr("{name} 的值 {input} 不合规则：{rule}", name=name, input=show_value(detail["input"]), rule=rule)


def open_call(request: Request, scope: str, body: bytes | str) -> Call:
    """由请求头的幂等键和「方法、路径、正文」的摘要组成一次调用；没有键答 400。"""
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise Refused(400, tr("缺少请求头 Idempotency-Key：会改变状态的请求必须带幂等键"))
    if len(key) > _MAX_KEY or not (key.isascii() and key.isprintable()):
        raise Refused(
            400, tr("幂等键 {key} 应为不超过 {max_key} 个可打印的 ASCII 字符", key=show_value(key), max_key=_MAX_KEY)
        )
    content = body if isinstance(body, bytes) else body.encode()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest()
    return Call(scope, key, digest)


async def on_refused(request: Request, error: Exception) -> Response:
    """把拒绝译成应答。"""
    if not isinstance(error, Refused):
        raise error
    refusal = answer(request, error.payload, error.status)
    if error.status in _BUSY:
        refusal.headers["Retry-After"] = _RETRY_AFTER
    return refusal


async def on_http_error(request: Request, error: Exception) -> Response:
    """把框架自己的 404、405 译成中文应答；405 照 RFC 9110 带上 ``Allow``。"""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    reasons = {404: tr("没有这个地址"), 405: tr("这个地址不接受这种方法")}
    reason = tr(
        "{get}：{method} {path}",
        get=reasons.get(status, tr("请求不能处理")),
        method=request.method,
        path=show_value(request.url.path),
    )
    refusal = answer(request, {"error": reason}, status)
    refusal.headers.update(headers or {})
    return refusal


async def on_caller_gone(request: Request, _error: Exception) -> Response:
    """正文没有收完调用者就走了：这个应答送不到任何人那里。"""
    return answer(request, {"error": tr("请求没有收完：连接中断")}, 400)


async def on_bug(request: Request, error: Exception) -> Response:
    """把意外的错误译成应答；详情由服务器写到标准错误。"""
    return answer(
        request, {"error": tr("试验场内部错误：{kind}，详情见它的标准错误输出", kind=type(error).__name__)}, 500
    )


class TokenGuard:
    """在所有路由之前核对 ``Authorization: Bearer``；不对答 401。"""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """``token`` 只留在内存里。"""
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """放行或拒绝一个请求。"""
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            scheme, _, credentials = given.partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(credentials, self._expected):
                request = Request(scope)
                refusal = answer(request, {"error": tr("令牌缺失或不对：请核对环境变量 PAM_TOKEN")}, 401)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
