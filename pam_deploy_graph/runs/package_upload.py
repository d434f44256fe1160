"""把一个安装包送到 HOME：哈希与送出的字节出自同一个描述符，收没收下以 HOME 答的为准（contract 第 3、8 节）。"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import IO, Any, Final
from urllib.parse import quote

import aiohttp
from pydantic_core import from_json

from pam_deploy_graph.constants import ExitCode, ScriptExit
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.time_limits import time_limit_of
from pam_deploy_graph.protocol.http_failure import failure_of
from pam_deploy_graph.protocol.keys import idempotency_key, new_nonce
from pam_deploy_graph.protocol.outcome import Outcome, Transport, classify, explain, outcome_of, own_error
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.given_files import open_regular
from pam_deploy_graph.system.safe_text import neutralise
from pam_deploy_graph.system.tls import client_certificate_hint

_ACTION: Final = "upload-package"
NEEDED: Final = ("APP_NAME", "MODULE_NAME", "VERSION_NUMBER", "PACKAGE_PATH")
"""缺一不可的部署参数；机场不必说：安装包不属于哪个机场。"""
_CHUNK: Final = 1 << 20
_MOST_ANSWER: Final = 1 << 20
_CONNECT_SECONDS: Final = 10.0
_REASON_LENGTH: Final = 500


class Ending(StrEnum):
    """一次上传的结局：送到了，HOME 本来就有，HOME 手里是另一份，没有成。"""

    UPLOADED = "uploaded"
    ALREADY = "already"
    OTHER = "other"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """一次上传；``home_hash`` 是 HOME 手里那一份的 SHA-256，没有的、问不到的为空串。"""

    name: str
    package: str
    hash: str
    size: int
    home_url: str
    ending: Ending = Ending.FAILED
    home_hash: str = ""
    reason: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """HOME 手里就是这一份为 0，否则为 12。"""
        return ExitCode.DONE if self.ending in (Ending.UPLOADED, Ending.ALREADY) else ExitCode.STOPPED

    def as_dict(self) -> dict[str, Any]:
        """写成 JSON 对象。"""
        return asdict(self) | {"ending": str(self.ending)}

    def text(self) -> str:
        """写给人看：HOME 手里是什么。"""
        ours = tr("{name}，SHA-256 {hash}，{size} 字节", name=self.name, hash=self.hash, size=self.size)
        return {
            Ending.UPLOADED: tr("已送到 {home_url}，HOME 收下的就是这一份：{ours}", home_url=self.home_url, ours=ours),
            Ending.ALREADY: tr("{home_url} 已有同样的一份，没有再送：{ours}", home_url=self.home_url, ours=ours),
            Ending.OTHER: tr(
                "{home_url} 的 {name} 是另一份，没有换掉它：HOME 的 SHA-256 是 {home_hash}，"
                "{package} 是 {hash}；内容变了就要换版本号",
                home_url=self.home_url,
                name=self.name,
                home_hash=self.home_hash,
                package=self.package,
                hash=self.hash,
            ),
            Ending.FAILED: self.reason,
        }[self.ending]


class _NoAnswerError(Exception):
    """HOME 没有答应；``code`` 是以脚本退出码写的结果。"""

    def __init__(self, reason: str, code: ScriptExit) -> None:
        """记下原因与结果。"""
        super().__init__(reason)
        self.code = code


def upload_package(settings: Settings, params: Mapping[str, str]) -> Upload:
    """先问 HOME 有没有，没有才送；送完以 HOME 算出的哈希为准，说不清的再问一次。

    Args:
        settings: 令牌、证书从这里来。
        params: 检查过的部署参数，要有应用、模块、版本、``PACKAGE_PATH`` 与 ``PAM_HOME_URL``。

    Raises:
        InvalidInputError: 没有令牌，令牌不可以去那个地址，安装包读不了或是空的。

    """
    token, path, url = settings.token(), params["PACKAGE_PATH"], params["PAM_HOME_URL"].rstrip("/")
    if not token:
        raise InvalidInputError(tr("没有令牌：请设环境变量 PAM_TOKEN 或 PAM_TOKEN_FILE"))
    settings.check_token_travel(params["PAM_HOME_URL"])
    try:
        with open_regular(path) as file:
            size, digest = os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()
            names = [params[name] for name in NEEDED[:-1]]
            wanted = Upload("{}/{} {}".format(*names), path, digest, size, url)
            if not size:
                raise InvalidInputError(tr("安装包 {path} 是空的，请核对 PACKAGE_PATH", path=path))
            where = "/".join([url, "api/packages", *(quote(name, safe="") for name in names)])
            limit = time_limit_of(_ACTION, params, None)
            return asyncio.run(_Sender(settings, token, where, limit).settle(file, wanted))
    except OSError as error:
        raise InvalidInputError(
            tr("安装包 {path} 读不了：{problem}；请核对 PACKAGE_PATH", path=path, problem=error.strerror or error)
        ) from None


@dataclass(frozen=True, slots=True)
class _Sender:
    """对 HOME 上一个版本的安装包说话；``limit`` 是每一次调用的时限，秒。"""

    settings: Settings
    token: str
    where: str
    limit: float

    async def settle(self, file: IO[bytes], wanted: Upload) -> Upload:
        """问、送、对；返回结局。"""
        try:
            if held := await self._held():
                return replace(wanted, ending=_ending(held, wanted, Ending.ALREADY), home_hash=held)
            try:
                held = await self._send(file, wanted)
            except _NoAnswerError as error:
                # 不知道收没收下的、说已有另一份的：问 HOME 手里是什么
                asks = outcome_of(error.code) is Outcome.UNKNOWN or error.code == ScriptExit.REFUSED
                held = await self._held() if asks else ""
                if not held:
                    raise
            return replace(wanted, ending=_ending(held, wanted, Ending.UPLOADED), home_hash=held)
        except _NoAnswerError as error:
            return replace(wanted, reason=explain(_ACTION, None, neutralise(str(error)), error.code))

    async def _held(self) -> str:
        """HOME 手里这个版本的哈希；没有为空串。"""
        status, body = await self._call("GET")
        if status == HTTPStatus.NOT_FOUND and own_error(body):
            return ""
        return _hash_in(status, body)

    async def _send(self, file: IO[bytes], wanted: Upload) -> str:
        """送出算过哈希的那些字节，返回 HOME 算出的哈希。"""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(wanted.size)}
        headers["Idempotency-Key"] = idempotency_key("upload", new_nonce(), None, _ACTION, 1)
        body = _Body(file, wanted)
        try:
            return _hash_in(*await self._call("PUT", data=body.chunks(), headers=headers))
        except _NoAnswerError:
            if not body.changed:
                raise
        told = tr(
            "{package} 在算过哈希之后变了（原为 {hash}），没有送完，HOME 没有收下；请等它写完后重试",
            package=wanted.package,
            hash=wanted.hash,
        )
        raise _NoAnswerError(told, ScriptExit.CONFIG)

    async def _call(self, method: str, **options: Any) -> tuple[int, bytes]:
        """发一次请求，不跟重定向，不经代理，应答有上限。"""
        connect = min(_CONNECT_SECONDS, self.limit)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.settings.tls().context() or True),
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self.limit, sock_connect=connect),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        try:
            async with session, session.request(method, self.where, allow_redirects=False, **options) as response:
                return response.status, await _bounded(response.content)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason, code = failure_of(error, "PAM_HOME")
            hint = client_certificate_hint(self.where, unknown=code is ScriptExit.UNKNOWN)
            raise _NoAnswerError(reason + hint, code) from None


def _ending(held: str, wanted: Upload, same: Ending) -> Ending:
    """HOME 手里的与要送的是不是同一份。"""
    return same if held == wanted.hash else Ending.OTHER


class _Body:
    """要送的字节，从算过哈希的那个描述符读；最后一块送出之前再对一遍，不是原来的就断开。"""

    def __init__(self, file: IO[bytes], wanted: Upload) -> None:
        """``changed`` 为真是文件变了，没有送完。"""
        self.changed = False
        self._file, self._wanted = file, wanted

    async def chunks(self) -> AsyncIterator[bytes]:
        """一块一块地给。"""
        left, sent = self._wanted.size, hashlib.sha256()
        self._file.seek(0)
        while left:
            chunk = self._file.read(min(_CHUNK, left))
            left -= len(chunk)
            sent.update(chunk)
            if not chunk or (not left and sent.hexdigest() != self._wanted.hash):
                self.changed = True
                raise aiohttp.ClientPayloadError
            yield chunk


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    """读完应答；太大的不是 PAM 的。"""
    body = bytearray()
    async for chunk in stream.iter_chunked(1 << 16):
        body += chunk
        if len(body) > _MOST_ANSWER:
            raise _NoAnswerError(
                tr("PAM_HOME 的应答超过 {most_answer} 字节", most_answer=_MOST_ANSWER), ScriptExit.UNKNOWN
            )
    return bytes(body)


def _hash_in(status: int, body: bytes) -> str:
    """应答里的哈希。

    Raises:
        _NoAnswerError: 不是肯定的答复，或里面没有哈希。

    """
    found = ""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        try:
            found = str(from_json(body)["hash"]).lower()
        except (ValueError, KeyError, TypeError):
            found = ""
    code = classify(Transport.ANSWERED, status, body, complete=bool(found))
    if code is ScriptExit.DONE:
        return found
    said = own_error(body) or body.decode(errors="replace")[:_REASON_LENGTH]
    raise _NoAnswerError(
        tr("PAM_HOME 回答 HTTP {status}", status=status) + (tr("：{said}", said=said) if said else ""), code
    )
