"""登出了的登录：记在磁盘上，重新启动之后照样不作数，到它本来过期为止。"""

import json
import time
from pathlib import Path

from pam_deploy_graph.console.sessions import LASTS_SECONDS, Session
from pam_deploy_graph.system.private_files import write_private


class EndedSessions:
    """登出了的登录，各记着何时过期。"""

    def __init__(self, path: Path, key: Path) -> None:
        """读出登出了的；读不懂的，签名的密钥也不要了：从前的登录都不作数，不当作没有谁登出过。

        Args:
            path: 记在哪个文件里。
            key: 签名的密钥，见 ``sessions.open_key``；在打开它之前调用。

        """
        self._path = path
        self._until: dict[str, float] = {}
        try:
            self._until = {str(sid): float(until) for sid, until in json.loads(path.read_bytes()).items()}
        except FileNotFoundError:
            return
        except (AttributeError, OSError, TypeError, ValueError):
            key.unlink(missing_ok=True)

    def __contains__(self, sid: object) -> bool:
        """这次登录登出过没有。"""
        return sid in self._until

    def add(self, session: Session) -> None:
        """登出了：先落盘，再算数。"""
        kept = {sid: until for sid, until in self._until.items() if until > time.time()}
        kept[session.sid] = session.began + LASTS_SECONDS
        write_private(self._path, json.dumps(kept).encode())
        self._until = kept
