"""LangGraph 服务器认人：令牌照账户文件（``PAM_PEOPLE``）核对；没有设账户文件的照旧敞开（contract 第 8 节）。

``langgraph.json`` 的 ``auth`` 指向它。谁可以批准由策略文件在作决定时判断，这里只说是谁。
"""

import functools
from pathlib import Path
from typing import Final

from anyio import to_thread
from langgraph_sdk import Auth
from langgraph_sdk.auth.types import MinimalUserDict

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.people import PeopleBook
from pam_deploy_graph.settings import Settings

_BEARER: Final = "bearer "
_UNKNOWN: Final = msgid("令牌不认得：请带 Authorization: Bearer 或 X-Api-Key，令牌由管理员用 people token 发")
_BROKEN: Final = msgid("服务器的账户文件（PAM_PEOPLE）用不了，谁也进不来；请在服务器上运行 doctor 看原因")
_REMEMBERED: Final = 256
auth: Final = Auth()


@auth.authenticate
async def who(headers: dict[bytes, bytes]) -> MinimalUserDict:
    """返回是谁；敞开的服务器上不知道是谁，身份为空串。

    Raises:
        Auth.exceptions.HTTPException: 401，没有令牌、不认得，或账户文件用不了：那时谁也进不来。

    """
    if not (path := Settings().pam_people):
        return {"identity": "", "is_authenticated": True}
    try:
        name = await to_thread.run_sync(_owner, Path(path), _token_of(headers))
    except (InvalidInputError, OSError):
        raise Auth.exceptions.HTTPException(401, tr(_BROKEN)) from None
    if not name:
        raise Auth.exceptions.HTTPException(401, tr(_UNKNOWN))
    return {"identity": name, "is_authenticated": True}


def _token_of(headers: dict[bytes, bytes]) -> str:
    """请求带的令牌；没有为空串。"""
    bearer = headers.get(b"authorization", b"").decode(errors="replace")
    if bearer.lower().startswith(_BEARER):
        return bearer[len(_BEARER) :].strip()
    return headers.get(b"x-api-key", b"").decode(errors="replace").strip()


def _owner(path: Path, token: str) -> str:
    """令牌是谁的；不认得为空串。账户文件一改就重新核对。"""
    return _checked(path, path.stat().st_mtime_ns, token) if token else ""


@functools.lru_cache(_REMEMBERED)
def _checked(path: Path, _changed: int, token: str) -> str:
    """核对一次要几十毫秒，结果因此记着。"""
    return PeopleBook.load(path).of_token(token)
