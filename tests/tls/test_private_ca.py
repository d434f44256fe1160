"""经过私有 CA、要客户端证书的一次推出：脚本与 MCP 都走得通；证书不对时，消息说的是证书。"""

import contextlib
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.system.http_server import HANDSHAKE_SECONDS
from pam_deploy_graph.system.tls import TlsFiles
from tests.cli.site import Site
from tests.mcp_node.test_endpoint import INITIALIZE
from tests.patience import patience
from tests.tls.site import Airport, at


def test_half_open_handshakes_are_dropped(airport: Airport) -> None:
    """连上了不握手的、握到一半的、握完手什么也不说的：到期一起断开，不早也不晚。"""
    where = urlsplit(airport.mcp)
    paper = airport.paper
    context = TlsFiles(str(paper.ca), str(paper.client), str(paper.client_key)).context()
    assert context is not None
    waiting = [socket.create_connection((where.hostname, where.port)) for _ in range(3)]
    waiting[1].sendall(b"\x16\x03\x01\x02\x00\x01")
    waiting[2] = context.wrap_socket(waiting[2], server_hostname=where.hostname)
    began = time.monotonic()
    for one in waiting:
        one.settimeout(HANDSHAKE_SECONDS + patience(5))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert one.recv(1) == b""
        assert time.monotonic() - began >= HANDSHAKE_SECONDS - 1
        one.close()


@pytest.mark.parametrize("strategy", ["script_only", "hybrid_node_mcp"])
def test_a_rollout_through_a_private_ca(site: Site, airport: Airport, strategy: str) -> None:
    """两种走法都部署成功，每个效果恰好一次；体检也走得通。"""
    site.take(2)
    env = at(site, airport)
    done = site.run("--yes", "--strategy", strategy, env=env)
    assert done.code == 0, done.err
    site.all_right()
    checked = site.pam("doctor", env=env)
    assert (checked.code, "[正常] 证书" in checked.out, "[正常] MCP 服务" in checked.out) == (0, True, True)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"PAM_CA_FILE": ""}, "PAM_CA_FILE"),
        ({"PAM_CA_FILE": "other"}, "证书不可信"),
        ({"PAM_CLIENT_CERT": "", "PAM_CLIENT_KEY": ""}, "PAM_CLIENT_CERT"),
        ({"PAM_CLIENT_KEY": "key"}, "PAM_CLIENT_KEY"),
        ({"PAM_CLIENT_CERT": "stranger", "PAM_CLIENT_KEY": "stranger"}, "核对 PAM_CLIENT_CERT"),
        ({"PAM_CA_FILE": "missing"}, "PAM_CA_FILE"),
    ],
    ids=["no-ca", "another-ca", "no-client", "another-key", "another-client", "no-file"],
)
def test_what_is_wrong_is_the_certificate(site: Site, airport: Airport, changed: dict[str, str], named: str) -> None:
    """脚本、MCP、体检都说是证书的事，什么也没有改变。"""
    files = {
        "other": airport.paper.other_ca,
        "key": airport.paper.server_key,
        "stranger": airport.paper.stranger,
        "missing": Path("/nonexistent.pem"),
    }
    env = at(site, airport, **{name: str(files.get(value, value)) for name, value in changed.items()})
    site.take(1)
    done = site.run("--yes", env=env)
    assert (done.code in (2, 12), named in done.err) == (True, True), done.err
    checked = site.pam("doctor", env=env)
    lines = [line for line in checked.out.splitlines() if line.startswith("[不行]")]
    assert checked.code == 2
    assert all(any(word in line for word in ("证书", "TLS")) for line in lines), lines
    assert site.effects() == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--host", "0.0.0.0"], 2),
        (["--host", "0.0.0.0", "--tls-cert", "/nonexistent"], 2),
    ],
)
def test_no_plain_http_beyond_loopback(site: Site, options: list[str], code: int) -> None:
    """明文不听在回环地址之外；证书用不了的说出是哪个文件。"""
    done = site.pam.job(["pam_deploy_graph", "mcp-node", "--node-url", site.lab.node_url(), *options]).wait()
    assert (done.code, "--tls-cert" in done.err) == (code, True)


def test_behind_a_proxy_it_may(lab: LabProcess) -> None:
    """说明了前面有代理就听得；代理转来的主机名要先说好。"""
    options = ["--host", "0.0.0.0", "--behind-proxy", "--allow-host", "mcp.pek.example"]
    env = {"PATH": "/usr/bin:/bin", "PAM_TOKEN": lab.token}
    server = Helper(helper_command("mcp-node", "--node-url", lab.node_url(), *options), env=env)
    try:
        url = server.info["mcp_url"].replace("0.0.0.0", "127.0.0.1")
        headers = {"Authorization": f"Bearer {lab.token}", "Accept": "application/json, text/event-stream"}
        for host, expected in (("mcp.pek.example", 200), ("mcp.pek.example:8443", 200), ("evil.example", 421)):
            answer = httpx.post(url, json=INITIALIZE, headers=headers | {"Host": host}, trust_env=False)
            assert answer.status_code == expected
    finally:
        server.stop()
