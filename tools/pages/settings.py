"""设置页面：环境变量、部署参数、控制参数与固定的限度，都从代码读出。"""

from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pam_deploy_graph.constants import (
    CONTROLS,
    DEFAULT_PARAMS,
    DEFAULT_STRATEGY,
    MAX_IN_FLIGHT,
    MAX_SCOPE,
    MAX_SECONDS,
    REQUIRED_PARAMS,
    Control,
    Kind,
)
from pam_deploy_graph.flows.dispatch import SAME_FAILURES
from pam_deploy_graph.inputs.parameters import DeployParams
from pam_deploy_graph.ledger.writer import LEASE_MS
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES, MAX_LOG_BYTES
from pam_deploy_graph.script_runner.child_process import ProcessLimits
from pam_deploy_graph.settings import Settings
from tools.pages import HEADER, table

_INTRO: Final = """
先后次序：命令行或原话，其次环境变量，再次用户配置目录里的 `.env`（`$XDG_CONFIG_HOME/pam-deploy/.env`，通常是
`~/.config/pam-deploy/.env`），再次 `--home` 里的 `.env`（点了名，或那里已有 `runtime/pam.db`），最后默认值。
`.env` 只有本人或 root 所有、别人写不了的才读，不读的会说出来；值里的 `${…}` 不展开；选程序的 `PAM_SCRIPT_ENTRY`、
`PAM_MCP_COMMAND` 不能写在里面。秘密不去来源比它弱的地址：令牌在环境变量里，`PAM_HOME_URL` 就不能只写在 `.env` 里；
账本里记着的地址与此刻的设置不同，也只有 `--home` 的 `.env` 那么强；
话里说的 HOME 与设置不在一处，先问人要不要把令牌送去，经服务器给的一概不用。`--home` 的 `.env` 只能点它目录里面的
`PAM_TOKEN_FILE`、`PAM_CLIENT_KEY`、`PAM_CLIENT_CERT`、`PAM_AUDIT_ANCHOR` 与 SQLite 的 `PAM_STORE_URL`，都写绝对路径。
批准管着 `PAM_POLICY`、`PAM_PEOPLE`、`PAM_NODE_ALLOW`、`PAM_CA_FILE`、`PAM_CLIENT_CERT`、`PAM_CLIENT_KEY`：
计划写着它们，变了再问。
`doctor` 与计划说出各从哪里来。`PamDeployAgent` 与 `build_graph` 只看环境变量，另给 `Settings` 的除外。
信谁签发的证书由 `PAM_CA_FILE` 定，脚本、MCP、上传、模型、服务器的客户端与体检都一样；没有设它的信系统的，系统的在哪里
照 OpenSSL 的 `SSL_CERT_FILE`、`SSL_CERT_DIR`。`CURL_CA_BUNDLE`、`REQUESTS_CA_BUNDLE` 不算。
代理的变量（`HTTPS_PROXY` 等）只有去模型的请求照办；去 PAM、MCP 与服务器的从不经代理。
令牌不是参数：只从 `PAM_TOKEN` 或 `PAM_TOKEN_FILE` 来，不进配置文件、状态、账本、日志与报告。
"""


def render() -> str:
    """返回整页 Markdown。"""
    return "\n".join(
        [
            HEADER,
            f"# 设置\n{_INTRO}",
            "## 环境变量\n",
            table(["变量", "默认", "说明"], [_variable(name, field) for name, field in Settings.model_fields.items()]),
            "## 部署参数\n",
            "用 `--param KEY=VALUE`、`--params FILE` 或原话给出；也是脚本读的配置文件里的键。\n",
            table(["参数", "默认", "说明"], [_param(name, text) for name, text in _described(DeployParams)]),
            "## 控制参数\n",
            "用选项或原话给出；记在账本里，批准之后不变（途中改动要再批准）。\n",
            table(["参数", "选项", "默认", "说明", "途中可改"], [_control(row) for row in CONTROLS.values()]),
            "## 固定的限度\n",
            table(["限度", "值"], _limits()),
        ]
    )


def _described(model: type[BaseModel]) -> list[tuple[str, str]]:
    """一个模型的字段与说明。"""
    return [(name, field.description or "") for name, field in model.model_fields.items()]


def _variable(name: str, field: FieldInfo) -> list[str]:
    """一个环境变量。"""
    value: Any = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return [f"`{name.upper()}`", f"`{value}`" if value != "" else "", field.description or ""]


def _param(name: str, about: str) -> list[str]:
    """一个部署参数。"""
    value = DEFAULT_PARAMS.get(name, "")
    default = "（必填）" if name in REQUIRED_PARAMS else f"`{value}`" if value else ""
    return [f"`{name}`", default, about]


def _control(row: Control) -> list[str]:
    """一个控制参数。"""
    default = DEFAULT_STRATEGY if row.kind is Kind.STRATEGY else row.default
    shown = "" if default in (None, []) else f"`{str(default).lower()}`"
    return [f"`{row.name}`", f"`{row.flag}`" if row.help else "", shown, row.about, "可以" if row.amendable else ""]


def _limits() -> list[list[str]]:
    """写死在代码里的限度。"""
    process = ProcessLimits(0)
    rows = {
        "一次请求最多展开出多少个地址": f"{MAX_SCOPE}",
        "`max_parallel` 的上限": f"{MAX_IN_FLIGHT}",
        "时限与观察的上限（秒）": f"{MAX_SECONDS}",
        "接连几台同样的失败就先问一次": f"{SAME_FAILURES}",
        "租约：持有者失联多久之后可以接管（秒）；同一台机器上死了立即接管": f"{LEASE_MS // 1000}",
        "脚本标准输出、标准错误的上限（字节）": f"{process.stdout_bytes}、{process.stderr_bytes}",
        "MCP 一个应答、一份日志的上限（字节）": f"{MAX_ANSWER_BYTES}、{MAX_LOG_BYTES}",
    }
    return [[what, value] for what, value in rows.items()]
