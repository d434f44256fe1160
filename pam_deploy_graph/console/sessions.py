"""登录的凭据：签了名的 cookie，与随它的表单令牌；服务器不收没有签的，登录一次换一个（contract 第 8 节）。"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from pam_deploy_graph.system.private_files import write_private

COOKIE: Final = "pam_session"
LASTS_SECONDS: Final = 12 * 3600
PROOF_SECONDS: Final = 15 * 60
"""作决定之前，口令至多是这么久以前给的。"""
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """一次登录：谁，登录的时刻，最近一次给口令的时刻（Unix 秒）；``seal`` 随口令变，改了口令就都作废。"""

    person: str
    sid: str
    began: float
    proved: float
    seal: str = ""
    vouched: bool = False
    """是前面的代理认的人：只在代理还这样说的时候作数。"""

    @classmethod
    def begin(cls, person: str, seal: str = "", *, vouched: bool = False) -> "Session":
        """登录了：总是一个新的。"""
        now = time.time()
        return cls(person, secrets.token_urlsafe(18), now, now, seal, vouched)

    def proven_again(self) -> "Session":
        """又给了一次口令。"""
        return replace(self, proved=time.time())

    @property
    def fresh(self) -> bool:
        """口令是不是不久之前给的；代理认的人由代理管。"""
        return self.vouched or 0 <= time.time() - self.proved < PROOF_SECONDS


class Sealer:
    """用本机的密钥签，与验。"""

    def __init__(self, key: bytes) -> None:
        """``key`` 只有本账号读得了。"""
        self._key = key

    def seal(self, session: Session) -> str:
        """写成 cookie 的值。"""
        body = base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode().rstrip("=")
        return f"{body}.{self._mark(body)}"

    def open(self, text: str) -> Session | None:
        """读 cookie；不是本程序签的、过了期的为 ``None``。"""
        body, _, mark = text.rpartition(".")
        if not body or not hmac.compare_digest(self._mark(body).encode(), mark.encode()):
            return None
        session = Session(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
        return session if 0 <= time.time() - session.began < LASTS_SECONDS else None

    def form_token(self, session: Session) -> str:
        """这次登录的表单令牌。"""
        return self._mark(f"form:{session.sid}")

    def _mark(self, text: str) -> str:
        """一段文字的签。"""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def open_key(path: Path) -> bytes:
    """读签名的密钥；没有就造一个，只有本账号读得了。重新启动之后，登录因此还作数。"""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) != _KEY_BYTES:
        found = secrets.token_bytes(_KEY_BYTES)
        write_private(path, found)
    return found
