"""PAM HTTP 协议的 OpenAPI 文档，由试验场的地址表和应答结构生成（contract 第 3 节）。"""

import hashlib
import json
import re
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from pam_deploy_graph import __version__
from pam_deploy_graph.constants import Side
from pam_deploy_graph.lab.endpoints import ENDPOINTS, Endpoint
from pam_deploy_graph.lab.home import Home
from pam_deploy_graph.lab.node import Node
from pam_deploy_graph.lab.packages import installed_package
from pam_deploy_graph.lab.schemas import ErrorAnswer, ModuleRef, RefusedOutcome, VersionRef
from pam_deploy_graph.lab.workstation_actions import CHECKS

_OWNERS: Final = {Side.HOME: Home, Side.NODE: Node}
_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = (
    "PAM_HOME 与 PAM_NODE 的参考协议。每个请求都带 Authorization: Bearer；会改变状态的请求另带 Idempotency-Key："
    "同一个键、同样的内容得到第一次的应答，什么也不改变（第一次还没做完就等它）；同一个键换了内容答 422。"
    "应答默认是 JSON；请求带 Accept: text/plain 时，同样的内容写成 KEY=VALUE 行：键大写，hash 写作 HASH_CODE，"
    "airport 写作 AIRPORT_CODE，workstations 写作重复的 IP，值里的换行换成空格，出错时是 ERROR=原因。"
    "503 是暂时的，不记在幂等键名下；其余对合规请求的应答，包括 404 与 409，都记住。"
)
_EXAMPLE: Final[dict[str, Any]] = {
    "airport": "PEK",
    "app": "checkin",
    "module": "gate",
    "version": "1.2.2",
    "hash": hashlib.sha256(installed_package("checkin", "gate", "1.2.2")).hexdigest(),
    "ip": "10.0.0.1",
    "stop_first": True,
    "to_version": "1.2.2",
    "online": "true",
}
"""每个名字的例子；试验场出厂就有这个版本和这台工作站。"""
_KEY_SHAPE: Final = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
_KEY_ABOUT: Final = "幂等键，例如 night-1:10.0.0.1:stop-ip:1；结果未知时用同一个键重试"
_PAIR: Final = "app 与 module 一起给；都不给时是这台工作站上的默认模块"
_ERRORS: Final = {
    400: "请求不合规则，或缺少幂等键",
    401: "令牌缺失或不对",
    404: "没有这个东西",
    409: "按真实情况不能做，什么也没有改变",
    413: "JSON 正文过大",
    422: "这个幂等键已用于另一个请求",
    429: "正忙，没有收下；过 Retry-After 秒以同一个键再来",
    503: "没有收下：工作站离线、正忙，或 NODE 够不着 HOME；过 Retry-After 秒以同一个键再来",
}


def build_document() -> dict[str, Any]:
    """生成整份文档。"""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PAM HTTP protocol", "version": __version__, "description": _ABOUT},
        "tags": [
            {"name": Side.HOME, "description": "中央服务器：安装包、发布的版本、各机场的 NODE"},
            {"name": Side.NODE, "description": "每个机场一台：同步、查询、工作站动作"},
        ],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def render() -> str:
    """返回文档的文本。"""
    return json.dumps(build_document(), ensure_ascii=False, indent=2) + "\n"


def _schemas() -> dict[str, Any]:
    """全部请求与应答的 JSON Schema。"""
    shapes = {shape for one in ENDPOINTS for shape in (one.answer, one.body) if shape not in {bytes, str, None}}
    shapes |= {ErrorAnswer, RefusedOutcome}
    inputs = [(shape.__name__, "validation", TypeAdapter(shape)) for shape in shapes]
    _, found = TypeAdapter.json_schemas(inputs, ref_template=_REF)  # type: ignore[arg-type] # 元组里的字面量
    definitions: dict[str, Any] = found["$defs"]
    return dict(sorted(definitions.items()))


def _operation(one: Endpoint) -> dict[str, Any]:
    """一个地址的一种方法。"""
    last = one.path.rpartition("/")[2]
    named = one.handler in {"act", "check"}
    work = CHECKS[last] if one.handler == "check" else getattr(_OWNERS[one.side], one.handler)
    operation: dict[str, Any] = {
        "operationId": f"{one.side.lower()}_{last if named else one.handler}",
        "tags": [one.side],
        "summary": (work.__doc__ or "").splitlines()[0],
        "parameters": _parameters(one),
        "responses": _responses(one),
    }
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": _with_example(one.body)}
    return operation


def _parameters(one: Endpoint) -> list[dict[str, Any]]:
    """路径与查询各带一个例子，再加幂等键。"""
    fields = VersionRef.model_json_schema()["properties"]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _bare(fields.get(name, {"type": "string"}))}
        for name in re.findall(r"{(\w+)}", one.path)
    ]
    if one.query is not None:
        about = {"description": _PAIR} if one.query is ModuleRef else {}
        found += [
            {"name": name, "in": "query", "schema": _query(one.query, name)} | about for name in one.query.model_fields
        ]
    if one.changes:
        key = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": _KEY_SHAPE}
        found.append(key | {"description": _KEY_ABOUT})
    examples = ({"example": _EXAMPLE[each["name"]]} if each["name"] in _EXAMPLE else {} for each in found)
    return [each | example for each, example in zip(found, examples, strict=True)]


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """去掉 pydantic 附上的英文标题。"""
    return {key: value for key, value in schema.items() if key != "title"}


def _query(model: type[BaseModel], name: str) -> dict[str, Any]:
    """一个查询参数的 Schema；查询参数都可以不给。"""
    schema: dict[str, Any] = model.model_json_schema()["properties"][name]
    return next((part for part in schema.get("anyOf", []) if "enum" in part), _bare(schema))


def _responses(one: Endpoint) -> dict[str, Any]:
    """成功与各种错误。"""
    found = {"200": {"description": "成功", "content": _content(one.answer)}}
    for status in sorted({401, *one.errors}):
        refused = one.handler == "act" and status == HTTPStatus.CONFLICT
        found[str(status)] = {
            "description": _ERRORS[status],
            "content": _content(RefusedOutcome if refused else ErrorAnswer),
        }
    return found


def _with_example(shape: Any) -> dict[str, Any]:
    """请求正文：JSON 的带一个例子，字节的不可为空。"""
    content = _content(shape)
    if issubclass(shape, BaseModel):
        content["application/json"]["example"] = {name: _EXAMPLE[name] for name in shape.model_fields}
    else:
        content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
    return content


def _content(shape: Any) -> dict[str, Any]:
    """正文的媒体类型与结构。"""
    if shape is bytes:
        return {"application/octet-stream": {}}
    if shape is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": _REF.format(model=shape.__name__)}}}
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        content["text/plain"] = {"schema": {"type": "string"}}
    return content
