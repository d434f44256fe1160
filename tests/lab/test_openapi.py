"""OpenAPI 文档与真实的服务一致；与代码是否一致由 ``make generated`` 看。"""

import json
import re
from pathlib import Path

import pytest

from tests.lab.api import Api

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"
OPERATIONS = [
    (path, method, operation)
    for path, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method, operation in methods.items()
]


def test_every_reference_resolves() -> None:
    """文档里引用的结构都在。"""
    text = DOCUMENT.read_text(encoding="utf-8")
    known = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(known)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_the_server_answers_as_documented(shared: Api, path: str, method: str, operation: dict[str, object]) -> None:
    """文档里的每个地址服务都认得，空请求的应答状态在文档之列，没有令牌答 401。"""
    real = path.replace("{ip}", "10.0.0.197").replace("{hash}", "0" * 64).replace("{airport}", "PEK")
    real = re.sub(r"{\w+}", "x", real)
    side = shared.home if "HOME" in str(operation["tags"]) else shared.node
    answer = side(method.upper(), real, {} if method == "post" else None)
    assert str(answer.status) in str(operation["responses"])
    assert side(method.upper(), real, headers={"Authorization": ""}).status == 401
