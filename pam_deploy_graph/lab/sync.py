"""NODE 从 HOME 拉取安装包：真的走 HTTP，边收边算散列，不符就不要（contract 第 3 节）。"""

import aiohttp

from pam_deploy_graph.constants import Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call, Effect, Reply, Store
from pam_deploy_graph.lab.http_common import Refused
from pam_deploy_graph.lab.packages import PackageFolder
from pam_deploy_graph.lab.schemas import PackageRef, Synced


class Puller:
    """一个机场的拉取者。"""

    def __init__(
        self, airport: str, store: Store, folder: PackageFolder, session: aiohttp.ClientSession, home_url: str
    ) -> None:
        """``session`` 已带令牌；``home_url`` 是 HOME 的地址。"""
        self._airport = airport
        self._store = store
        self._folder = folder
        self._session = session
        self._home_url = home_url

    async def pull(self, call: Call, ref: PackageRef) -> Reply:
        """同步一个版本；已有同样的安装包则什么也不改变。

        Raises:
            Refused: HOME 没有或没有发布这个版本（404、409），散列不符（409），HOME 够不着（503）。

        """
        answer = Synced(airport=self._airport, app=ref.app, module=ref.module, version=ref.version, hash=ref.hash)
        held = self._store.synced_hash(self._airport, ref.app, ref.module, ref.version)
        effect = None
        if held != ref.hash:
            try:
                await self._check_published(ref)
                await self._download(ref)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Refused(503, tr("NODE 够不着 HOME（{kind}）：请稍后再试", kind=type(error).__name__)) from None
            effect = Effect(Side.NODE, "sync-node", ref.app, ref.module, ref.version, self._airport)
        with self._store.transaction():
            self._store.add_synced(self._airport, ref.app, ref.module, ref.version, ref.hash)
            return self._store.finish(call, Reply(200, {**answer}), effect)

    async def _check_published(self, ref: PackageRef) -> None:
        """向 HOME 核对这个版本已发布，而且散列就是要的那个。"""
        name = f"{ref.app}/{ref.module} {ref.version}"
        url = f"{self._home_url}/api/packages/{ref.app}/{ref.module}/{ref.version}"
        async with self._session.get(url) as response:
            if response.status == 404:  # noqa: PLR2004 —— HTTP 状态就写数字
                raise Refused(404, tr("HOME 没有 {name}：请先上传并发布", name=name))
            response.raise_for_status()
            package = await response.json()
        if not package["published"]:
            raise Refused(409, tr("HOME 还没有发布 {name}：请先发布", name=name))
        if package["hash"] != ref.hash:
            raise Refused(
                409,
                tr(
                    "{name} 在 HOME 的散列是 {hash}…，不是 {hash2}…",
                    name=name,
                    hash=package["hash"][:12],
                    hash2=ref.hash[:12],
                ),
            )

    async def _download(self, ref: PackageRef) -> None:
        """收下安装包；自己算的散列不符就拒绝。"""
        async with self._session.get(f"{self._home_url}/api/packages/{ref.hash}/content") as response:
            response.raise_for_status()
            incoming = await self._folder.receive(response.content.iter_chunked(65_536))
        with incoming:
            if incoming.hash != ref.hash:
                raise Refused(
                    409,
                    tr(
                        "收到的安装包散列是 {hash}…，应为 {hash2}…：途中变了，已丢弃",
                        hash=incoming.hash[:12],
                        hash2=ref.hash[:12],
                    ),
                )
            incoming.keep()
