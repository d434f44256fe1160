"""一次运行的状态存成一个 JSON 文件。

账本才是「做过什么」的依据；JSON 文件用来交接与存档，读回之后账本知道得更多的以账本为准。
"""

import json
import re
from pathlib import Path
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.given_files import LARGE, read_given
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.private_files import write_private

_FORMAT: Final = 1
_HIDDEN: Final = "***"
_PRIVATE_FIELDS: Final = frozenset(
    {"node_url", "mcp_url", "script_entry", "script_base_dir", "config_path", "trace_file_path", "checkpoint_path"}
    | {"PAM_HOME_URL", "PACKAGE_PATH", "NODE_URL", "MCP_URL", "log_file", "LOG_FILE", "operator", "note"}
)
_PRIVATE_TEXT: Final = re.compile(r"https?://[^\s，。；]+|(?<![\w/])/(?:[\w.-]+/)*[\w.-]+")
_SECRET_NAME: Final = re.compile(r"token|secret|password|api_key|authorization", re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    r"(?i)(\bbearer\s+|\b[\w-]*(?:token|secret|password|api[_-]?key)[\"']?\s*[=:]\s*)[^\s，。；,;]+"
)


def save_checkpoint(state: AgentState, path: str | Path, *, redact: bool = False) -> None:
    """把状态整个、原子地写进文件（0600）。

    Args:
        state: 要保存的状态。
        path: 目标文件；所在目录不存在时新建（0700）。
        redact: 为真时隐去地址、路径、操作员与备注，用于交给别人看；这样的文件不能再读回。

    Raises:
        OSError: 写不进去；原来的文件保持现状。

    """
    data = state.to_dict()
    document = {"format": _FORMAT, "redacted": redact, "state": _redacted(data) if redact else data}
    text = mask(json.dumps(document, ensure_ascii=False, indent=1))
    write_private(Path(path), text.encode("utf-8", "backslashreplace"))


def load_checkpoint(path: str | Path) -> AgentState:
    """读回 ``save_checkpoint`` 写的状态。

    Raises:
        InvalidInputError: 文件不存在、损坏、是隐去过的，或属于别的版本。

    """
    try:
        document = json.loads(read_given(path, LARGE))
        found, state = (document["format"], document["redacted"]), AgentState.from_dict(_shaped(document["state"]))
    except OSError as error:
        raise InvalidInputError(tr("检查点 {path} 读不了：{problem}", path=path, problem=error.strerror)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError(
            tr("检查点 {path} 已损坏，不是完整的 JSON；请改用 resume 从账本恢复", path=path)
        ) from None
    if found != (_FORMAT, False):
        raise InvalidInputError(tr("检查点 {path} 是隐去过的副本或属于别的版本，不能从它恢复", path=path))
    return state


def _shaped(state: dict[str, Any]) -> dict[str, Any]:
    """核对每个字段的类型：别人备好的文件也许是好的 JSON，却不是一个状态。

    Raises:
        ValueError: 有一个字段不是那种值。

    """
    hints = get_type_hints(AgentState) | {"ip_states": dict[str, dict[str, Any]]}
    for name in state.keys() & hints.keys():
        TypeAdapter(hints[name]).validate_python(state[name], strict=True)
    return state


def _redacted(value: Any, name: str = "") -> Any:
    """逐层隐去不宜外传的值。"""
    if isinstance(value, dict):
        return {key: _redacted(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, name) for inner in value]
    if value and (name in _PRIVATE_FIELDS or _SECRET_NAME.search(name)):
        return _HIDDEN
    if not isinstance(value, str):
        return value
    return _PRIVATE_TEXT.sub(_HIDDEN, _SECRET_TEXT.sub(rf"\1{_HIDDEN}", value))
