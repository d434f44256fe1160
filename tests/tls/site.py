"""站点的 TLS 现场：openssl 当场签发的私有 CA、服务端与客户端证书，以及要客户端证书的 HTTPS 代理。"""

import contextlib
import http.client
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.site import Site


@dataclass(frozen=True)
class Paper:
    """一套证书的路径。"""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    other_ca: Path
    expired: Path
    stranger: Path

    def environ(self) -> dict[str, str]:
        """照着设的环境变量。"""
        return {
            "PAM_CA_FILE": str(self.ca),
            "PAM_CLIENT_CERT": str(self.client),
            "PAM_CLIENT_KEY": str(self.client_key),
        }


@dataclass(frozen=True)
class Airport:
    """一个站点：都在 TLS 后面的 HOME 与 MCP 服务，以及证书。"""

    home: str
    mcp: str
    node: str
    paper: Paper


def at(site: Site, airport: Airport, **changed: str) -> dict[str, str]:
    """这个站点的环境；空串是不设那一个。"""
    env = {"PAM_HOME_URL": airport.home, "PAM_MCP_URL": airport.mcp, **airport.paper.environ(), **changed}
    return {name: value for name, value in env.items() if value}


def issue(folder: Path) -> Paper:
    """签发：一个 CA 下的服务端（127.0.0.1、localhost）与客户端证书，另有一个毫不相干的 CA。"""
    for name in ("ca", "other"):
        _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                 "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
    (folder / "san.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
                 "-CAcreateserial", "-extfile", "san.ext", "-out", f"{name}.pem")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "0",
             "-CAcreateserial", "-extfile", "san.ext", "-out", "expired.pem")  # fmt: skip
    (folder / "stranger.pem").write_text((folder / "other.pem").read_text() + (folder / "other.key").read_text())
    names = (
        "ca.pem",
        "server.pem",
        "server.key",
        "client.pem",
        "client.key",
        "other.pem",
        "expired.pem",
        "stranger.pem",
    )
    return Paper(*(folder / name for name in names))


def _openssl(folder: Path, *args: str) -> None:
    """运行 openssl。"""
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def https_front(paper: Paper, behind: str, *, swaps: dict[str, str] | None = None) -> Iterator[str]:
    """在一个明文服务前面开一个要客户端证书的 HTTPS 入口；应答里的地址照 ``swaps`` 换掉。"""
    target = urlsplit(behind)

    class Handler(BaseHTTPRequestHandler):
        """逐个转发。"""

        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            """转发一个请求，把应答转回来。"""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
            for old, new in (swaps or {}).items():
                content = content.replace(old.encode(), new.encode())
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            upstream.close()

        do_GET = do_POST = do_PUT = _forward  # noqa: N815  上游的名字

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  上游的参数名
            """不出声。"""

    class Front(ThreadingHTTPServer):
        """TLS 握手失败的连接不必说。"""

        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """不出声。"""

    server = Front(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(paper.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(paper.server, paper.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
