"""PAM_HOME：安装包、发布的版本、各机场的 NODE 在哪里（contract 第 3 节「PAM HTTP protocol」）。"""

from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pam_deploy_graph import __version__
from pam_deploy_graph.constants import Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call, Effect, Reply, Store
from pam_deploy_graph.lab.endpoints import routes_of
from pam_deploy_graph.lab.http_common import Refused, answer, open_call, parse, read_body
from pam_deploy_graph.lab.idempotency import Once
from pam_deploy_graph.lab.packages import Incoming, PackageFolder
from pam_deploy_graph.lab.schemas import Health, NodeInfo, Package, PackageRef, Publication, Published, VersionRef

HOME_SCOPE: Final = "HOME"


class Home:
    """一个 HOME；``node_urls``、``mcp_urls`` 以机场代码为键，启动之后才填。"""

    def __init__(self, store: Store, folder: PackageFolder, once: Once) -> None:
        """用状态目录里的账和安装包目录开张。"""
        self._store = store
        self._folder = folder
        self._once = once
        self.node_urls: dict[str, str] = {}
        self.mcp_urls: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """协议规定的地址。"""
        return routes_of(self, Side.HOME)

    async def health(self, request: Request) -> Response:
        """健康检查。"""
        return answer(request, Health(status="ok", version=__version__, home_version=__version__))

    async def upload(self, request: Request) -> Response:
        """收一个安装包；这个版本已有同样的字节则什么也不改变，已有别的字节答 409。"""
        ref = parse(VersionRef, request.path_params)
        open_call(request, HOME_SCOPE, "")
        try:
            incoming = await self._folder.receive(request.stream())
        except ClientDisconnect:
            raise Refused(400, tr("安装包没有收完：连接中断")) from None
        with incoming:
            call = open_call(request, HOME_SCOPE, incoming.hash)

            async def work() -> Reply:
                """入库。"""
                return self._store_package(call, ref, incoming)

            reply, _ = await self._once.run(call, work)
        return answer(request, reply.payload, reply.status)

    def _store_package(self, call: Call, ref: VersionRef, incoming: Incoming) -> Reply:
        """登记收到的安装包，连同日志与应答。"""
        if not incoming.size:
            raise Refused(400, tr("安装包是空的：请核对 PACKAGE_PATH 指的文件"))
        held = self._store.package(ref.app, ref.module, ref.version)
        if held is not None and held[0] != incoming.hash:
            raise Refused(
                409,
                tr(
                    "{app}/{module} {version} 已有另一份安装包（散列 {held}…，这次是 {hash}…）：内容变了就要换版本号",
                    app=ref.app,
                    module=ref.module,
                    version=ref.version,
                    held=held[0][:12],
                    hash=incoming.hash[:12],
                ),
            )
        effect = None
        if held is None:
            incoming.keep()
            effect = Effect(Side.HOME, "upload-package", ref.app, ref.module, ref.version)
        with self._store.transaction():
            self._store.add_package(ref.app, ref.module, ref.version, incoming.hash, incoming.size)
            return self._store.finish(call, Reply(200, {**self._package(ref)}), effect)

    async def describe_package(self, request: Request) -> Response:
        """安装包的元数据；没有答 404。"""
        return answer(request, self._package(parse(VersionRef, request.path_params)))

    def _package(self, ref: VersionRef) -> Package:
        """查一个安装包的元数据。"""
        held = self._store.package(ref.app, ref.module, ref.version)
        if held is None:
            raise Refused(
                404,
                tr(
                    "HOME 没有 {app}/{module} {version} 的安装包：请先上传",
                    app=ref.app,
                    module=ref.module,
                    version=ref.version,
                ),
            )
        published = bool(self._store.publications(ref.app, ref.module, ref.version))
        return Package(
            app=ref.app, module=ref.module, version=ref.version, hash=held[0], size=held[1], published=published
        )

    async def content(self, request: Request) -> Response:
        """安装包的字节。"""
        digest = request.path_params["hash"]
        if not self._store.holds_hash(digest):
            raise Refused(404, tr("HOME 没有这个散列的安装包"))
        return FileResponse(self._folder.find(digest), media_type="application/octet-stream")

    async def publish(self, request: Request) -> Response:
        """发布一个版本；已经以同样的散列发布过则什么也不改变。"""
        body = await read_body(request)
        ref = parse(Publication, body)
        call = open_call(request, HOME_SCOPE, body)
        if ref.airport is not None and ref.airport not in self.node_urls:
            raise Refused(404, tr("HOME 不认识机场 {airport}：请核对 AIRPORT_CODE", airport=ref.airport))

        async def work() -> Reply:
            """登记发布。"""
            return self._publish(call, ref, ref.airport or "")

        reply, _ = await self._once.run(call, work)
        return answer(request, reply.payload, reply.status)

    def _publish(self, call: Call, ref: PackageRef, airport: str) -> Reply:
        """登记发布，连同日志与应答。"""
        name = f"{ref.app}/{ref.module} {ref.version}"
        held = self._store.package(ref.app, ref.module, ref.version)
        if held is None:
            raise Refused(404, tr("HOME 没有 {name} 的安装包：请先上传", name=name))
        earlier = self._store.publications(ref.app, ref.module, ref.version)
        known = {held[0], *(digest for _, digest in earlier.values())}
        if known != {ref.hash}:
            raise Refused(
                409,
                tr(
                    "{name} 的散列是 {held}…，不是 {hash}…：不能以另一个散列发布",
                    name=name,
                    held=held[0][:12],
                    hash=ref.hash[:12],
                ),
            )
        with self._store.transaction():
            effect = None
            if airport in earlier:
                number = earlier[airport][0]
            else:
                number = self._store.publish(ref.app, ref.module, ref.version, airport, ref.hash)
                effect = Effect(Side.HOME, "publish-version", ref.app, ref.module, ref.version)
            payload = Published(
                publish_id=f"PUB-{number:06d}", app=ref.app, module=ref.module, version=ref.version, hash=ref.hash
            )
            return self._store.finish(call, Reply(200, {**payload}), effect)

    async def node(self, request: Request) -> Response:
        """一个机场的 NODE 在哪里；不认识的机场答 404。"""
        airport = request.path_params["airport"].upper()
        if airport not in self.node_urls:
            raise Refused(404, tr("HOME 不认识机场 {airport}：请核对 AIRPORT_CODE", airport=airport))
        info = NodeInfo(airport=airport, node_url=self.node_urls[airport])
        if mcp_url := self.mcp_urls.get(airport):
            info["mcp_url"] = mcp_url
        return answer(request, info)
