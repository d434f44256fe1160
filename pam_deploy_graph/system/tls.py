"""站点的 TLS：一个私有 CA、一张客户端证书，HTTP 与 MCP 两处照办；脚本由 curl 照办（contract 第 8 节）。"""

import hashlib
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.system.given_files import read_given

SYSTEM_TRUST: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL 的两个变量：系统信任的证书在哪里；Python 自己照办，子进程也要看得到。"""
_UNTRUSTED: Final = Worded(
    {
        9: "它还没有生效，请核对两边的时钟",
        10: "它已经过期，请对方换一张",
        62: "它不是发给这个主机的，请核对地址",
        64: "它不是发给这个主机的，请核对地址",
    }
)
"""OpenSSL 核对证书的编号；别的都当作不认得签发的人。"""
OTHERS_TRUST: Final = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""别的程序照办、本程序不算的。"""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """三个文件的路径，空串为没有：``PAM_CA_FILE``、``PAM_CLIENT_CERT``、``PAM_CLIENT_KEY``。"""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""

    def context(self) -> ssl.SSLContext | None:
        """返回连别人时用的上下文；一个也没有设的用系统的，为 ``None``。

        Raises:
            InvalidInputError: 文件读不了、不是证书、与私钥不配；消息说出是哪一个。

        """
        if not (self.ca_file or self.client_cert):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(
                tr("PAM_CA_FILE 指的 {ca_file} 用不了：{why}；应为 PEM 的证书", ca_file=self.ca_file, why=_why(error))
            ) from None
        if self.client_cert:
            self._add_client(context)
        return context

    def _add_client(self, context: ssl.SSLContext) -> None:
        """加上客户端证书；私钥可以在同一个文件里。"""
        try:
            context.load_cert_chain(self.client_cert, self.client_key or None, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            where = tr(
                "PAM_CLIENT_CERT {client_cert}、PAM_CLIENT_KEY {client_key}",
                client_cert=self.client_cert,
                client_key=self.client_key or tr("（同一个文件）"),
            )
            raise InvalidInputError(
                tr("客户端证书用不了（{where}）：{why}；应为配得上的 PEM 证书与私钥", where=where, why=_why(error))
            ) from None

    def environ(self) -> dict[str, str]:
        """写成环境变量，供脚本；没有设的不写。"""
        given = {"PAM_CA_FILE": self.ca_file, "PAM_CLIENT_CERT": self.client_cert, "PAM_CLIENT_KEY": self.client_key}
        return {name: value for name, value in given.items() if value}

    def shown(self) -> dict[str, str]:
        """写进计划的样子：哪个文件、什么内容；私钥只写路径。"""
        return {
            name: path if name == "PAM_CLIENT_KEY" else f"{path}（{_content(path)}）"
            for name, path in self.environ().items()
        }


def environment_trust_shown(given: Mapping[str, str]) -> dict[str, str]:
    """返回 ``SYSTEM_TRUST`` 里设了的写进计划的样子：哪个文件、哪些目录，什么内容；就是系统自己那里的不算选了什么。

    Args:
        given: 环境变量；目录可以用 ``:`` 隔开写几个。

    """
    told = {name: [Path(each) for each in given.get(name, "").split(os.pathsep) if each] for name in SYSTEM_TRUST}
    return {
        name: f"{given[name]}（SHA-256 {_contents(paths)}）"
        for name, paths in told.items()
        if not all(map(_of_the_system, paths))
    }


def _of_the_system(path: Path) -> bool:
    """一个文件、目录是不是系统自己放证书的地方。"""
    default = ssl.get_default_verify_paths()
    places = {Path(default.openssl_capath).resolve(), Path(default.openssl_cafile).parent.resolve()}
    return not places.isdisjoint((path.resolve(), *path.resolve().parents))


def server_context(cert: str, key: str, client_ca: str) -> ssl.SSLContext:
    """返回给别人连时用的上下文；给了 ``client_ca`` 就一定要看到它签发的客户端证书。

    Raises:
        InvalidInputError: 文件用不了；消息说出是哪一个。

    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key or None, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInputError(
            tr("--tls-cert {cert}、--tls-key {key} 用不了：{why}", cert=cert, key=key, why=_why(error))
        ) from None
    if client_ca:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(
                tr("--client-ca {client_ca} 用不了：{why}", client_ca=client_ca, why=_why(error))
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def certificate_problem(error: BaseException) -> str:
    """连接失败若是证书的缘故，说出是哪一种、怎么办；不是为空串。"""
    chain: BaseException | None = error
    while chain is not None:
        inner = getattr(chain, "certificate_error", None) or getattr(chain, "os_error", None)
        if inner is None and isinstance(chain, ssl.SSLError):
            break
        chain = inner or chain.__cause__ or chain.__context__
    if isinstance(chain, ssl.SSLCertVerificationError):
        todo = _UNTRUSTED.get(chain.verify_code, tr("私有 CA 签发的请设 PAM_CA_FILE"))
        return tr("对方的证书不可信（{verify_message}）；{todo}", verify_message=chain.verify_message, todo=todo)
    if isinstance(chain, ssl.SSLError):
        return tr(
            "TLS 握手失败（{reason}）；对方若要客户端证书，请核对 PAM_CLIENT_CERT 与 PAM_CLIENT_KEY",
            reason=chain.reason or chain,
        )
    return ""


def client_certificate_hint(url: str, *, unknown: bool) -> str:
    """TLS 上断开、不知道为什么的，也许是对方不认客户端证书；不是的为空串。"""
    return tr("；对方若要客户端证书，请核对 PAM_CLIENT_CERT") if unknown and url.startswith("https:") else ""


def _content(path: str) -> str:
    """一个文件此刻的内容是哪一份；读不了的说读不了，用到它的时候再说为什么。记进计划要比的，不随语言变。"""
    try:
        return f"SHA-256 {hashlib.sha256(read_given(path)).hexdigest()}"
    except OSError:
        return "读不了"


def _contents(paths: Iterable[Path]) -> str:
    """几个文件、目录里的证书此刻是哪些：名字与各自的内容合起来的散列。"""
    files = [file for path in paths for file in (sorted(path.glob("*")) if path.is_dir() else [path])]
    told = "\n".join(f"{file.name} {_content(str(file))}" for file in files if not file.is_dir())
    return hashlib.sha256(told.encode()).hexdigest()


def _no_password() -> str:
    """私钥带口令的不问人，说不行。"""
    raise ssl.SSLError(tr("私钥带口令，程序没法输入"))


def _why(error: Exception) -> str:
    """文件用不了的原因。"""
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
