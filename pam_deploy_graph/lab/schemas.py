"""PAM HTTP 协议的请求与应答（contract 第 3 节「PAM HTTP protocol」）。

请求用 pydantic 检查；应答是平的 JSON 对象，用 ``TypedDict`` 写明，OpenAPI 文档由这里生成。
"""

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, BeforeValidator, StrictBool, StringConstraints
from typing_extensions import TypedDict

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs import value_rules


def _only_text(value: object) -> object:
    """协议里的名字只收文本；命令行与参数文件才收整数。"""
    if isinstance(value, str):
        return value
    raise ValueError(tr("应为文本"))


AirportCode = Annotated[value_rules.AirportCode, BeforeValidator(_only_text)]
Name = Annotated[value_rules.Name, BeforeValidator(_only_text)]
Version = Annotated[value_rules.Version, BeforeValidator(_only_text)]

HashCode = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ModuleRef(BaseModel):
    """一个应用模块。"""

    app: Name
    module: Name


class VersionRef(ModuleRef):
    """一个模块的一个版本；停止、部署、启动、验证都用它。"""

    version: Version


class PackageRef(VersionRef):
    """一个版本和它的安装包的 SHA-256（小写十六进制）。"""

    hash: HashCode


class Publication(PackageRef):
    """发布一个版本；``airport`` 可以不给，表示面向所有机场。"""

    airport: AirportCode | None = None


class RollbackOrder(ModuleRef):
    """退回 ``to_version`` 并让它运行；不给则退回这次运行动手之前的版本。``stop_first`` 为真时先停止正在运行的版本。"""

    stop_first: StrictBool
    to_version: Version | None = None


class RosterQuery(BaseModel):
    """名册的筛选：``online=true`` 只要在线的，``false`` 只要离线的，不给则全部。"""

    online: Literal["true", "false"] | None = None


class ErrorAnswer(TypedDict):
    """出错时的应答：``error`` 是写给操作员看的中文原因。"""

    error: str


class Health(TypedDict):
    """健康检查；``home_version`` 与 ``version`` 相同，供纯文本应答取名 ``HOME_VERSION``。"""

    status: str
    version: str
    home_version: str


class Package(TypedDict):
    """安装包的元数据；``size`` 单位为字节。"""

    app: str
    module: str
    version: str
    hash: str
    size: int
    published: bool


class Published(TypedDict):
    """发布的结果。"""

    publish_id: str
    app: str
    module: str
    version: str
    hash: str


class NodeInfo(TypedDict):
    """一个机场的 NODE 在哪里；没有 MCP 服务时不含 ``mcp_url``。"""

    airport: str
    node_url: str
    mcp_url: NotRequired[str]


class Synced(TypedDict):
    """同步的结果；``hash`` 是 NODE 对收到的字节自己算出来的。"""

    airport: str
    app: str
    module: str
    version: str
    hash: str


class Presence(TypedDict):
    """一台工作站是否在线。"""

    ip: str
    online: bool


class Roster(TypedDict):
    """一个机场的工作站。"""

    airport: str
    workstations: list[Presence]


class WorkstationInfo(TypedDict):
    """一台工作站上一个模块的真实情况。

    离线的：``running`` 为空，``version`` 为空串，都是不知道。在线而 ``version`` 为空串，是没有安装。
    ``last_key`` 是这个模块最近一次生效动作的幂等键，没有则为空串；``previous_version`` 知道才有，没有上一个则为空串。
    """

    airport: str
    ip: str
    online: bool
    running: bool | None
    version: str
    last_key: str
    previous_version: NotRequired[str]


class Outcome(TypedDict):
    """一个工作站动作的结果；``version`` 是动作之后的当前版本，没有则为空串。"""

    success: bool
    message: str
    version: str


class Recalled(Outcome):
    """回滚之后读回来的情况。"""

    running: bool


class RefusedOutcome(Outcome):
    """被拒绝的工作站动作：同时带 ``error``。"""

    error: str
