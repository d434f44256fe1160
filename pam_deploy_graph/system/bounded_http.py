"""收有大小与期限的 HTTP 应答：不收压缩的，多了、晚了就不读了。"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import httpx

from pam_deploy_graph.i18n import msgid, tr

_WHY: Final = msgid("应答太大、太慢，或是压缩的，没有收")
PLAIN: Final[Mapping[str, str]] = {"Accept-Encoding": "identity"}
"""请求里要带的：请对方不要压缩。"""


class AnswerTooBigError(Exception):
    """回答超过上限、没完没了，或者是压缩的。"""


def bound(seconds: float, most: int) -> Callable[[httpx.Response], None]:
    """返回客户端的 ``response`` 钩子：正文还没有读，换成有上限的。

    Args:
        seconds: 正文读完的时限，秒。
        most: 正文最多几字节。

    """

    def hook(response: httpx.Response) -> None:
        """换上。"""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise AnswerTooBigError(tr(_WHY))
        if isinstance(stream := response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(stream, time.monotonic() + seconds, most)

    return hook


class _Bounded(httpx.SyncByteStream):
    """有上限的正文。"""

    def __init__(self, inner: httpx.SyncByteStream, deadline: float, most: int) -> None:
        """``deadline`` 是单调时钟的时刻。"""
        self._inner, self._deadline, self._left = inner, deadline, most

    def __iter__(self) -> Iterator[bytes]:
        """一块一块地给；多了、晚了就不读了。"""
        for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0 or time.monotonic() > self._deadline:
                raise AnswerTooBigError(tr(_WHY))
            yield chunk

    def close(self) -> None:
        """关掉连接。"""
        self._inner.close()
