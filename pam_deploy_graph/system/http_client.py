"""同步的 HTTP 客户端：照站点的证书，不经代理；连不上的再连几次，那时请求没有送出，不会做两次。"""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from pam_deploy_graph.system.tls import TlsFiles

_CONNECTS: Final = 5


def http_client(url: str, headers: Mapping[str, str], seconds: float, tls: TlsFiles) -> httpx.Client:
    """返回指向 ``url`` 的客户端；每个请求都带 ``headers``，一次最多等 ``seconds`` 秒。"""
    transport = httpx.HTTPTransport(retries=_CONNECTS, verify=tls.context() or ssl.create_default_context())
    return httpx.Client(base_url=url, transport=transport, timeout=seconds, headers=headers)
