"""一次 HTTP 请求的正文：有上限，超过的不读完。"""

from collections.abc import AsyncIterator


async def bounded(chunks: AsyncIterator[bytes], most: int) -> bytes | None:
    """读完正文。

    Args:
        chunks: 一块一块到来的正文。
        most: 至多多少字节。

    Returns:
        整个正文；超过上限的为 ``None``，后面的不再读。

    """
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            return None
    return body
