"""信谁签发的证书：每一道门照同一个设置，环境里别的变量一道门也不多信、不少信（contract 第 8 节）。"""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pam_deploy_graph.config_writer import write_config
from pam_deploy_graph.errors import ServerError
from pam_deploy_graph.graph.remote import ServerThread
from pam_deploy_graph.llm.model.structured_model import ModelUnavailableError, StructuredModel
from pam_deploy_graph.models import LlmIntentResult
from pam_deploy_graph.settings import Settings
from tests.cli.site import Site
from tests.script_runner.conftest import ENTRY, PARAMS
from tests.tls.site import Airport, at, https_front

NOWHERE = "http://127.0.0.1:1"
PROXIES = {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "HTTPS_PROXY": NOWHERE, "ALL_PROXY": NOWHERE}
CASES = {
    "system-file": ({"PAM_CA_FILE": "", "SSL_CERT_FILE": "ca"}, True),
    "system-folder": ({"PAM_CA_FILE": "", "SSL_CERT_DIR": "folder"}, True),
    "others": ({"PAM_CA_FILE": "", "CURL_CA_BUNDLE": "ca", "REQUESTS_CA_BUNDLE": "ca"}, False),
    "own-only": (
        {"PAM_CA_FILE": "other", "SSL_CERT_FILE": "ca", "SSL_CERT_DIR": "folder", "CURL_CA_BUNDLE": "ca"},
        False,
    ),
}


@pytest.fixture(scope="module")
def folder(airport: Airport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """照 OpenSSL 的规矩命名的目录，里面是站点的 CA。"""
    made = tmp_path_factory.mktemp("folder")
    shutil.copy(airport.paper.ca, made)
    subprocess.run(["openssl", "rehash", str(made)], check=True, capture_output=True)
    return made


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest, site: Site, airport: Airport, folder: Path) -> tuple[dict[str, str], bool]:
    """一种环境，与它该不该信站点的证书。"""
    changed, trusted = request.param
    files = {"ca": airport.paper.ca, "other": airport.paper.other_ca, "folder": folder}
    return at(site, airport, **{name: str(files.get(value, value)) for name, value in changed.items()}), trusted


def test_every_door_trusts_the_same(site: Site, case: tuple[dict[str, str], bool]) -> None:
    """脚本、MCP、上传说的一样；代理的变量没有一道门照办；体检说出信谁、什么不算。"""
    env, trusted = case
    checks = {row["name"]: row for row in site.pam("doctor", "--json", env=env | PROXIES).json()}
    assert {name: checks[name]["ok"] for name in ("PAM_HOME", "MCP 服务")} == dict.fromkeys(
        ("PAM_HOME", "MCP 服务"), trusted
    ), checks
    given = [part for name, value in site.params(AIRPORT_CODE="").items() for part in ("--param", f"{name}={value}")]
    sent = site.pam("upload", *given, env=env | PROXIES)
    assert ((sent.code == 0), "证书不可信" in sent.out + sent.err) == (trusted, not trusted), sent
    told = checks["信任的 CA"]["detail"]
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        assert (f"{name}=" in told) == (name in env and "PAM_CA_FILE" not in env)
    assert ("CURL_CA_BUNDLE 不算" in told) == ("CURL_CA_BUNDLE" in env)


def test_the_model_and_the_server_too(
    case: tuple[dict[str, str], bool], airport: Airport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """模型与 LangGraph 服务器的客户端也一样；握过手就答了 HTTP，去哪里都行。"""
    env, trusted = case
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "PAM_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    model = StructuredModel("m", airport.home, SecretStr("a-key"), 20, Settings().tls().context())
    if trusted:
        with model._chat.http_client as client:
            assert client.get(f"{airport.home}/api/health").status_code
    else:
        with pytest.raises(ModelUnavailableError, match="证书不可信"):
            model.ask(LlmIntentResult, [("user", "部署")])
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ServerError) as caught:
        ServerThread(airport.home)
    told = str(caught.value)
    assert ("拒绝了：HTTP" in told, "证书不可信" in told) == (trusted, not trusted), told


def test_a_curl_with_a_folder_of_its_own(airport: Airport, folder: Path, tmp_path: Path) -> None:
    """有的 curl 编译时就定下一个目录：设了 ``PAM_CA_FILE`` 就只信它，那个目录不算。"""
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text(f'#!/bin/sh\nexec {shutil.which("curl")} --capath {folder} "$@"\n', encoding="utf-8")
    curl.chmod(0o755)
    config = write_config(PARAMS | {"PAM_HOME_URL": airport.home}, tmp_path / "config.txt")
    env = {"PATH": f"{curl.parent}:{os.defpath}", "PAM_TOKEN": "a-token", **airport.paper.environ()}
    found = []
    for ca in (airport.paper.other_ca, airport.paper.ca):
        argv = ["/bin/bash", str(ENTRY), "check-home", "--config", str(config)]
        done = subprocess.run(argv, env=env | {"PAM_CA_FILE": str(ca)}, check=False, capture_output=True, text=True)
        found.append((done.returncode, "证书不可信" in done.stdout))
    assert found == [(3, True), (4, False)]


def test_a_server_of_ones_own_gets_the_certificates(site: Site, airport: Airport) -> None:
    """``PAM_MCP_COMMAND`` 起的服务也照站点的证书连 NODE。"""
    argv = [sys.executable, "-m", "pam_deploy_graph", "mcp-node", "--transport", "stdio", "--node-url", airport.node]
    site.take(1)
    env = at(site, airport, PAM_MCP_URL="", PAM_MCP_COMMAND=" ".join(argv))
    done = site.run("--yes", "--strategy", "hybrid_node_mcp", env=env)
    assert done.code == 0, done.err
    site.all_right()


def test_what_is_wrong_with_an_old_certificate(airport: Airport, site: Site) -> None:
    """过期的：脚本与上传都说是过期，不叫人去设 CA。"""
    with https_front(replace(airport.paper, server=airport.paper.expired), site.lab.home_url) as old:
        env = at(site, airport, PAM_HOME_URL=old)
        checked = site.pam("doctor", env=env)
        given = [part for name, text in site.params(AIRPORT_CODE="").items() for part in ("--param", f"{name}={text}")]
        sent = site.pam("upload", *given, env=env)
    for told in (checked.out, sent.err):
        assert ("已经过期" in told, "私有 CA" in told) == (True, False), told
