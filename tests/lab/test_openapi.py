"""OpenAPI 文档与代码、与真实的服务一致。"""

import json
import re
from pathlib import Path

import pytest

from pam_deploy_graph.lab import openapi
from tests.lab.api import Api

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"
OPERATIONS = [
    (path, method, operation)
    for path, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method, operation in methods.items()
]


def test_document_is_fresh() -> None:
    """随包的文档就是代码生成的那一份。"""
    assert openapi.main(["--check", "--file", str(DOCUMENT)]) == 0


def test_check_notices_a_stale_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """文档过时或不存在时 --check 不通过，--write 之后通过。"""
    file = tmp_path / "openapi.json"
    assert openapi.main(["--check", "--file", str(file)]) == 1
    file.write_text("{}", encoding="utf-8")
    assert openapi.main(["--check", "--file", str(file)]) == 1
    assert "--write" in capsys.readouterr().err
    assert openapi.main(["--write", "--file", str(file)]) == 0
    assert openapi.main(["--check", "--file", str(file)]) == 0


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
