"""向模型收发的 HTTP：不跟重定向，不收压缩的，回答有大小与期限（密钥只去说好的地址）。"""

import ssl
import time
from collections.abc import Iterator
from typing import Final

import httpx

MOST_BYTES: Final = 1 << 20


class AnswerTooBigError(Exception):
    """回答超过上限、没完没了，或者是压缩的。"""


def bounded_client(seconds: float, trust: ssl.SSLContext) -> httpx.Client:
    """返回给模型用的客户端；代理照标准的环境变量，PAM 与 MCP 不经代理。

    Args:
        seconds: 一次回答的时限，秒。
        trust: 站点的 CA 与客户端证书，或系统信任的。

    """

    def bound(response: httpx.Response) -> None:
        """正文还没有读：换成有上限的。"""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise AnswerTooBigError
        if isinstance(stream := response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(stream, time.monotonic() + seconds)

    return httpx.Client(
        timeout=seconds,
        follow_redirects=False,
        verify=trust,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [bound]},
    )


class _Bounded(httpx.SyncByteStream):
    """有上限的正文。"""

    def __init__(self, inner: httpx.SyncByteStream, deadline: float) -> None:
        """``deadline`` 是单调时钟的时刻。"""
        self._inner, self._deadline = inner, deadline

    def __iter__(self) -> Iterator[bytes]:
        """一块一块地给；多了、晚了就不读了。"""
        left = MOST_BYTES
        for chunk in self._inner:
            left -= len(chunk)
            if left < 0 or time.monotonic() > self._deadline:
                raise AnswerTooBigError
            yield chunk

    def close(self) -> None:
        """关掉连接。"""
        self._inner.close()
