"""设置：全项目唯一读取环境变量与 ``.env`` 的地方（contract 第 8 节 Environment）。"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.safe_text import show_value

_SHOWN: Final = frozenset({"pam_mcp_url", "pam_otel", "pam_log_json"})
"""不合规则时可以把值写进消息的；其余的里面可能有口令。"""


def _matching(expression: str, rule: str) -> AfterValidator:
    """做一个「空着，或整串匹配」的检查。"""

    def check(value: str) -> str:
        """不匹配就报出规则。"""
        if value and not re.fullmatch(expression, value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


Url = Annotated[str, _matching(r"https?://[!-~]+", "应为 http:// 或 https:// 开头的地址")]
StoreUrl = Annotated[
    str, _matching(r"sqlite:///.+|postgresql(\+psycopg)?://.*", "应为 sqlite:///文件 或 postgresql://用户@主机/库")
]


class Settings(BaseSettings):
    """一次进程的设置；秘密用 ``SecretStr`` 包住，打印与 repr 都看不到。

    字段名即环境变量名的小写。
    """

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")

    pam_home_url: str = Field("", description="PAM_HOME 的地址")
    pam_token: SecretStr = Field(SecretStr(""), description="PAM 的令牌；秘密")
    pam_token_file: str = Field("", description="令牌所在的文件，没有设 `PAM_TOKEN` 时用；权限请设成只有本人可读")
    pam_script_entry: str = Field("", description="自己的脚本入口，代替随包的 `pam_action.sh`")
    pam_mcp_url: Url = Field("", description="PAM_NODE 的 MCP 服务；不设就用 HOME 给出的 `MCP_URL`")
    pam_store_url: StoreUrl = Field(
        "", description="账本的地址，`sqlite:///…` 或 `postgresql://…`；不设是 `runtime/pam.db`"
    )
    pam_llm_model: str = Field("", description="模型名；不设就用离线规则")
    openai_base_url: Url = Field("", description="OpenAI 兼容服务的地址")
    openai_api_key: SecretStr = Field(SecretStr(""), description="那个服务的密钥；秘密")
    pam_otel: bool = Field(default=False, description="打开 OpenTelemetry 跨度")
    pam_log_json: bool = Field(default=False, description="每个账本事件一行 JSON，写到标准错误")

    def __init__(self, **given: Any) -> None:
        """读环境与 ``.env``；``given`` 压过它们。

        Raises:
            InvalidInputError: 有值不合规则，或 ``.env`` 读不了；消息指出是哪一个。

        """
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise InvalidInputError("；".join(map(_explain, error.errors()))) from None
        except UnicodeDecodeError:
            raise InvalidInputError("当前目录的 .env 不是 UTF-8 文本，请另存为 UTF-8") from None
        except OSError as error:
            raise InvalidInputError(f"当前目录的 .env 读不了：{error.strerror}") from None

    def token(self) -> str:
        """返回 PAM 令牌：先看 ``PAM_TOKEN``，再看 ``PAM_TOKEN_FILE`` 指的秘密文件。

        Raises:
            InvalidInputError: 秘密文件读不了。

        """
        if secret := self.pam_token.get_secret_value():
            return secret
        if not self.pam_token_file:
            return ""
        try:
            return Path(self.pam_token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInputError(f"PAM_TOKEN_FILE 指的文件 {self.pam_token_file} 读不了：{error.strerror}") from None
        except UnicodeDecodeError:
            raise InvalidInputError(f"PAM_TOKEN_FILE 指的文件 {self.pam_token_file} 不是文本，请核对路径") from None

    def params(self) -> dict[str, str]:
        """返回环境给出的部署参数（介于命令行与默认值之间）。"""
        return {"PAM_HOME_URL": self.pam_home_url} if self.pam_home_url else {}

    @staticmethod
    def process_environ() -> dict[str, str]:
        """返回本进程的环境变量；脚本后端从中只挑它需要的几个。"""
        return dict(os.environ)

    def store_url(self, home: Path) -> str:
        """返回账本的地址；默认是 ``<home>/runtime/pam.db``。"""
        return self.pam_store_url or f"sqlite:///{(home / 'runtime' / 'pam.db').absolute()}"

    def has_store(self, home: Path) -> bool:
        """账本在不在；别的机器上的数据库算在。"""
        url = self.store_url(home)
        return not url.startswith("sqlite:") or Path(url.removeprefix("sqlite:///")).exists()

    def checkpoint_store(self, home: Path) -> str:
        """返回图的检查点放在哪里：账本在 PostgreSQL 的，放在同一个库；否则是 ``<home>/runtime/checkpoints.sqlite``。"""
        if self.pam_store_url.startswith("postgresql"):
            return self.pam_store_url
        return str((home / "runtime" / "checkpoints.sqlite").absolute())


def _explain(detail: ErrorDetails) -> str:
    """说明一处错误：哪个环境变量、什么值、什么规则。"""
    name = str(detail["loc"][0])
    shown = f"的值 {show_value(detail['input'])} " if name in _SHOWN else ""
    rule = detail.get("ctx", {}).get("error", detail["msg"])
    rule = "应为 true 或 false" if detail["type"].startswith("bool") else rule
    return f"环境变量 {name.upper()} {shown}不合规则：{rule}"
