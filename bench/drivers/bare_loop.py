"""参照物：一个光秃秃的 aiohttp 循环，做同样的调用，什么也不记：``bare_loop 台数 同时几台 地址``。"""

import asyncio
import sys
from collections import deque

import aiohttp

from bench.drivers.meter import Meter, tell
from bench.fleet import PARAMS, addresses

_BODY = {"app": PARAMS["APP_NAME"], "module": PARAMS["MODULE_NAME"], "version": PARAMS["VERSION_NUMBER"]}
_POSTED = ("stop", "deploy", "start", "verify")


async def slot(session: aiohttp.ClientSession, left: deque[str]) -> None:
    """一个并发位：一台接一台，每台五次调用。"""
    while left:
        base = f"/api/workstations/{left.popleft()}"
        for order in _POSTED:
            async with session.post(f"{base}/{order}", json=_BODY) as response:
                await response.json()
        async with session.get(f"{base}/log") as response:
            await response.text()


async def main(workstations: int, parallel: int, url: str) -> None:
    """做完全部工作站，报告用量。"""
    left = deque(addresses(workstations))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, raise_for_status=True) as session:
        meter = Meter()
        await asyncio.gather(*(slot(session, left) for _ in range(parallel)))
        tell(**meter.read())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
