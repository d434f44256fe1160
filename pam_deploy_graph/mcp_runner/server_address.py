"""连哪个 MCP 服务，用什么令牌。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.tls import SYSTEM_TRUST, TlsFiles

_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", *SYSTEM_TRUST)


@dataclass(frozen=True, slots=True)
class Target:
    """一个 MCP 服务：``url`` 是 streamable HTTP 的地址，``command`` 是 stdio 服务的 argv，二者取一。"""

    url: str = ""
    command: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    child_env: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False, hash=False)
    """stdio 服务的环境变量；令牌另加。"""
    tls: SSLContext | None = field(default=None, repr=False, compare=False, hash=False)
    """站点的 CA 与客户端证书；``None`` 用系统信任的。"""

    @property
    def name(self) -> str:
        """写进消息的名字；命令的参数不写，里面可能有不该出现的东西。"""
        return self.url or tr("（stdio）{command}", command=self.command[0])


def stdio_target(command: Sequence[str], token: str, environ: Mapping[str, str], tls: TlsFiles) -> Target:
    """一个 stdio 服务；环境只带少数几个，与站点的证书：它对 NODE 也照办。"""
    picked = {name: environ[name] for name in _INHERITED if name in environ} | tls.environ()
    return Target(command=tuple(command), token=token, child_env=picked)
