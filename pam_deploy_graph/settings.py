"""设置：全项目唯一读取环境变量与 ``.env`` 的地方（contract 第 8 节「环境变量」）。"""

import io
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from pam_deploy_graph.constants import DEFAULT_PARAMS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs import origins
from pam_deploy_graph.inputs.env_file import env_text, refuse_outside, refuse_programs
from pam_deploy_graph.inputs.langgraph_address import refuse_in_clear
from pam_deploy_graph.inputs.mcp_addresses import read_mcp_urls, refuse_alone
from pam_deploy_graph.inputs.origins import Origin, refuse_weaker
from pam_deploy_graph.inputs.service_address import refuse_unusable
from pam_deploy_graph.inputs.setting_types import Command, HomeUrl, McpUrl, NodeAllow, StoreUrl, Url, explain
from pam_deploy_graph.inputs.store_file import holds_ledger, store_is_there
from pam_deploy_graph.inputs.token_file import peek_token, read_token
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.tls import OTHERS_TRUST, SYSTEM_TRUST, TlsFiles, environment_trust_shown

_DATABASE_PASSWORD: Final = "PGPASSWORD"  # noqa: S105 —— 变量名，不是口令
"""PostgreSQL 自己的变量：账本的地址里没有口令的，口令从这里来。"""
_SECRETS: Final = frozenset(
    {"PAM_TOKEN", "PAM_TOKEN_FILE", "PAM_STORE_URL", "OPENAI_API_KEY", "PAM_SERVER_TOKEN", _DATABASE_PASSWORD}
)


class Settings(BaseModel):
    """一次进程的设置；秘密用 ``SecretStr`` 包住，打印与 repr 都看不到。

    字段名即环境变量名的小写。只读环境变量；命令行用 ``for_command``，那才读 ``.env``。
    """

    model_config = ConfigDict(extra="ignore")
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    _refused: list[str] = PrivateAttr(default_factory=list)
    _for_command: bool = PrivateAttr(default=False)

    pam_home_url: HomeUrl = Field("", description="PAM_HOME 的地址")
    pam_token: SecretStr = Field(SecretStr(""), description="PAM 的令牌；秘密")
    pam_token_file: str = Field("", description="令牌所在的文件，没有设 `PAM_TOKEN` 时用；权限请设成只有本人可读")
    pam_script_entry: str = Field("", description="自己的脚本入口，代替随包的 `pam_action.sh`")
    pam_mcp_url: McpUrl = Field(
        "",
        description="PAM_NODE 的 MCP 服务：一个地址，或 `PEK=地址,SHA=地址`；没有写到的机场用 HOME 给出的 `MCP_URL`",
    )
    pam_mcp_command: Command = Field(
        "", repr=False, description="stdio 的 MCP 服务：整条命令，程序写绝对路径，不经 shell；与 `PAM_MCP_URL` 只设一个"
    )
    pam_node_allow: NodeAllow = Field(
        "",
        description="批准之后不必问人就能改用的 PAM_NODE（逗号分隔：主机名、`*.后缀`、网段、带协议的地址）；"
        "设了它，计划里的节点也必须在其中",
    )
    pam_policy: str = Field("", description="策略文件：谁可以提出、批准，要几个人；不设就不限")
    pam_people: str = Field("", description="账户文件：人、角色、口令与令牌的散列、SSH 公钥；不设就没有")
    pam_inventory: str = Field("", description="名称清单（CSV 或 TOML）：哪个地址叫什么、在哪几组；不设就只认地址")
    pam_audit_anchor: str = Field("", description="账本链尾写到哪里：只可追加的文件的路径，或 `syslog`；不设只写进报告")
    pam_store_url: StoreUrl = Field(
        "", repr=False, description="账本的地址，`sqlite:///…` 或 `postgresql://…`；不设是 `runtime/pam.db`"
    )
    pam_require_shared_store: bool = Field(
        default=False,
        description="几台机器合做的一台：账本不在 PostgreSQL 就不启动，`PAM_MCP_URL` 也不可以只写一个地址",
    )
    pam_server: Url = Field("", description="LangGraph 服务器的地址，同 `--server`；设了它，命令经它看、经它做")
    pam_server_token: SecretStr = Field(SecretStr(""), description="给那个服务器看的令牌（`people token` 发的）；秘密")
    pam_server_token_file: str = Field("", description="那个令牌所在的文件，没有设 `PAM_SERVER_TOKEN` 时用")
    pam_job_seconds: int = Field(
        0,
        ge=0,
        description="服务器的作业有时限的：一次做这么多秒就经 `PAM_SERVER`（它自己）排上下一个；0 是不换",
    )
    pam_ca_file: str = Field("", description="站点自己的 CA（PEM）；脚本、MCP、HTTP 与体检都只信它签发的证书")
    pam_client_cert: str = Field("", description="客户端证书（PEM）；对方要看时出示")
    pam_client_key: str = Field("", description="客户端证书的私钥（PEM，不带口令）；与证书同在一个文件的不必设")
    pam_llm_model: str = Field("", description="模型名；不设就用离线规则")
    openai_base_url: Url = Field("", description="OpenAI 兼容服务的地址")
    openai_api_key: SecretStr = Field(SecretStr(""), description="那个服务的密钥；秘密")
    pam_otel: bool = Field(default=False, description="打开 OpenTelemetry 跨度")
    pam_log_json: bool = Field(default=False, description="每个账本事件一行 JSON，写到标准错误")

    def __init__(self, _from: Mapping[str, Origin] | None = None, /, **given: Any) -> None:
        """读环境变量；``given`` 压过它们，``_from`` 说明其中哪些来自文件。

        Raises:
            InvalidInputError: 有值不合规则；消息指出是哪一个。

        """
        known, environ = dict(_from or {}), _environment()
        try:
            super().__init__(**environ | given)
        except ValidationError as error:
            raise InvalidInputError(tr("；").join(explain(each, known) for each in error.errors())) from None
        if self.pam_mcp_command and self.pam_mcp_url:
            raise InvalidInputError(tr("PAM_MCP_COMMAND 与 PAM_MCP_URL 都设了，不知道该用哪一个；请只留一个"))
        if self.pam_require_shared_store:
            refuse_alone(self.pam_store_url, self.pam_mcp_url)
        learn(self.pam_token.get_secret_value(), self.openai_api_key.get_secret_value())
        learn(unquote(urlsplit(self.pam_store_url).password or ""), peek_token(self.pam_token_file))
        learn(self.pam_server_token.get_secret_value(), peek_token(self.pam_server_token_file))
        learn(os.environ.get(_DATABASE_PASSWORD, ""))
        self._origins = dict.fromkeys(environ, origins.ENVIRONMENT) | dict.fromkeys(given, origins.GIVEN) | known
        if os.environ.get(_DATABASE_PASSWORD) and self.pam_store_url.startswith("postgresql"):
            its, where = origins.ENVIRONMENT, self.origin("pam_store_url")
            refuse_weaker(_DATABASE_PASSWORD, its, "PAM_STORE_URL", self.pam_store_url, where)

    @classmethod
    def for_command(cls, home: Path, *, reads_home: bool | None = None, **given: Any) -> Self:
        """读环境变量，其次用户配置目录里的 ``.env``，再次 ``home`` 里的。

        ``home`` 里的只在点了名（``--home``）或已有 ``runtime/pam.db`` 时读；别人写得了的不读，记在 ``refused`` 里。

        Args:
            home: 工作目录。
            reads_home: 读不读 ``home`` 里的；不给就看那里有没有账本。
            **given: 压过一切的值。

        Raises:
            InvalidInputError: 有值不合规则，``.env`` 读不懂，它要选程序，或 ``home`` 里的点了别处的秘密文件。

        """
        found: dict[str, tuple[str, Origin]] = {}
        refused: list[str] = []
        reads_home = holds_ledger(home) if reads_home is None else reads_home
        files = [(home / ".env", origins.home_file)] if reads_home else []
        for path, origin in [*files, (_user_file(), origins.user_file)]:
            text, problem = env_text(path)
            # ``${…}`` 原样不动：展开的话，一个地址就能把环境里的秘密带走
            for given_name, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items():
                if value is not None and (name := given_name.lower()) in cls.model_fields:
                    found[name] = value, origin(path)
            refused += [problem] if problem else []
        refuse_programs(found)
        refuse_outside(found, home)
        stronger = _environment().keys() | given.keys()
        from_files = {name: each for name, each in found.items() if name not in stronger}
        values = {name: value for name, (value, _) in from_files.items()}
        settings = cls({name: origin for name, (_, origin) in from_files.items()}, **values, **given)
        settings._refused, settings._for_command = refused, True
        return settings

    @property
    def refused(self) -> tuple[str, ...]:
        """没有读的 ``.env``，各一句：哪一个，为什么，怎么办。"""
        return tuple(self._refused)

    def origin(self, name: str) -> Origin:
        """一个设置（字段名）的来源。"""
        return self._origins.get(name, origins.DEFAULT)

    def token_origin(self) -> Origin:
        """令牌的来源；在文件里的，是说出那个文件的地方。"""
        return self.origin("pam_token" if self.pam_token.get_secret_value() else "pam_token_file")

    def home_url_origin(self, url: str) -> Origin:
        """一次运行用的 ``PAM_HOME_URL`` 的来源。

        不是设置里的，也不是默认的：宿主自己的代码给出的算这次给出的；命令行给出的就是设置，所以这是账本、
        检查点或一句话说的，不比备好的目录强。
        """
        if url == self.pam_home_url:
            return self.origin("pam_home_url")
        if url == DEFAULT_PARAMS["PAM_HOME_URL"]:
            return origins.DEFAULT
        return origins.recorded(url, self.pam_home_url) if self._for_command else origins.GIVEN

    def check_token_travel(self, home_url: str) -> None:
        """令牌会去的地方，来源都不可以比它弱（contract 第 8 节）。

        Args:
            home_url: 这次用的 ``PAM_HOME_URL``；空串是不去 HOME，只看 MCP 服务。

        Raises:
            InvalidInputError: 有一处不可以去。

        """
        refuse_unusable("PAM_HOME_URL", home_url)
        places = [("PAM_HOME_URL", home_url, self.home_url_origin(home_url))]
        chosen = [("pam_mcp_url", url) for url in read_mcp_urls(self.pam_mcp_url).values()]
        chosen += [(name, getattr(self, name)) for name in ("pam_ca_file", "pam_node_allow")]
        places += [(name.upper(), each, self.origin(name)) for name, each in chosen]
        for name, url, origin in places:
            if url and self.has_token():
                refuse_weaker("PAM_TOKEN", self.token_origin(), name, url, origin)

    def mcp_command(self) -> tuple[str, ...]:
        """返回 stdio 的 MCP 服务的 argv；没有设为空。"""
        return tuple(shlex.split(self.pam_mcp_command))

    def tls(self) -> TlsFiles:
        """返回站点的 CA 与客户端证书。"""
        return TlsFiles(self.pam_ca_file, self.pam_client_cert, self.pam_client_key)

    def has_token(self) -> bool:
        """说了令牌在哪里没有。"""
        return bool(self.pam_token.get_secret_value() or self.pam_token_file)

    def token(self) -> str:
        """返回 PAM 令牌：先看 ``PAM_TOKEN``，再看 ``PAM_TOKEN_FILE`` 指的秘密文件。

        Raises:
            InvalidInputError: 秘密文件读不了。

        """
        if secret := self.pam_token.get_secret_value():
            return secret
        found = read_token(self.pam_token_file)
        learn(found)
        return found

    def server_token(self) -> str:
        """返回给 ``PAM_SERVER`` 看的令牌；没有设为空串。

        Raises:
            InvalidInputError: 秘密文件读不了；它不去来源比它弱的、不加密而又不在本机的地址。

        """
        given = "pam_server_token" if self.pam_server_token.get_secret_value() else "pam_server_token_file"
        found = self.pam_server_token.get_secret_value() or read_token(
            self.pam_server_token_file, "PAM_SERVER_TOKEN_FILE"
        )
        if found:
            learn(found)
            refuse_in_clear(self.pam_server)
            where = self.origin("pam_server")
            refuse_weaker("PAM_SERVER_TOKEN", self.origin(given), "PAM_SERVER", self.pam_server, where)
        return found

    @staticmethod
    def sudo_user() -> str:
        """返回 sudo 说的原来的账号；只供参考，谁都可以设它。"""
        return os.environ.get("SUDO_USER", "")

    def params(self) -> dict[str, str]:
        """返回环境给出的部署参数（介于命令行与默认值之间）。"""
        return {"PAM_HOME_URL": self.pam_home_url} if self.pam_home_url else {}

    def home_url(self) -> str:
        """返回设置的 ``PAM_HOME_URL``；没有设是默认值。"""
        return self.pam_home_url or DEFAULT_PARAMS["PAM_HOME_URL"]

    def pinned(self) -> dict[str, str]:
        """返回批准一并管着的设置：不必问人就能改用哪些节点，信谁签发的证书，向对方出示哪一张；没有设的不在其中。"""
        allowed = {"PAM_NODE_ALLOW": self.pam_node_allow} if self.pam_node_allow else {}
        trust = {} if self.pam_ca_file else environment_trust_shown(self.trust_environ())
        return allowed | trust | self.tls().shown()

    @staticmethod
    def process_environ() -> dict[str, str]:
        """返回本进程的环境变量；脚本后端从中只挑它需要的几个。"""
        return dict(os.environ)

    @staticmethod
    def child_environ() -> dict[str, str]:
        """返回给用不着秘密的子进程的环境：本进程的，去掉秘密。"""
        return {name: value for name, value in os.environ.items() if name.upper() not in _SECRETS}

    @staticmethod
    def trust_environ() -> dict[str, str]:
        """返回环境里选信谁的变量：``SYSTEM_TRUST`` 没有设 ``PAM_CA_FILE`` 时照办，``OTHERS_TRUST`` 不算。"""
        return {name: os.environ[name] for name in (*SYSTEM_TRUST, *OTHERS_TRUST) if os.environ.get(name)}

    @staticmethod
    def foreign_tracing() -> list[str]:
        """返回环境里会让 LangChain、LangGraph 把对话与参数送往 LangSmith 的变量名。"""
        return sorted(name for name in os.environ if name.upper().startswith(("LANGSMITH_", "LANGCHAIN_")))

    def store_url(self, home: Path) -> str:
        """返回账本的地址；默认是 ``<home>/runtime/pam.db``。"""
        return self.pam_store_url or f"sqlite:///{(home / 'runtime' / 'pam.db').absolute()}"

    def has_store(self, home: Path) -> bool:
        """账本在不在；别的机器上的数据库算在，没有权限看的也算在：由打开的人去说。"""
        return store_is_there(self.store_url(home))

    def checkpoint_store(self, home: Path) -> str:
        """返回图的检查点放在哪里：账本在 PostgreSQL 的，放在同一个库；否则是 ``<home>/runtime/checkpoints.sqlite``。"""
        if self.pam_store_url.startswith("postgresql"):
            return self.pam_store_url
        return str((home / "runtime" / "checkpoints.sqlite").absolute())


def _environment() -> dict[str, str]:
    """环境变量里的设置；名字不分大小写。"""
    return {low: value for name, value in os.environ.items() if (low := name.lower()) in Settings.model_fields}


def _user_file() -> Path:
    """用户配置目录里的 ``.env``（XDG；没有设就是 ``~/.config``）。"""
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA") or Path.home() / ".config"
    return Path(base) / "pam-deploy" / ".env"
