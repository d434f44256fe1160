"""证据：一次运行的原样，连同核对它要的公钥、策略与锚；写成一个 JSON 文件就可以带走（docs/audit.md）。"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.given_files import LARGE, read_given

FORMAT: Final = 1


@dataclass
class Bundle:
    """一次运行的证据；``rows`` 与 ``decisions`` 是账本里的原样，``anchors`` 是别处记下的链尾。"""

    run: dict[str, Any]
    rows: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    ledger_id: str = ""
    allowed_signers: str = ""
    policy: str = ""
    policy_path: str = ""
    anchors: list[dict[str, Any]] = field(default_factory=list)
    format: int = FORMAT

    @property
    def run_id(self) -> str:
        """哪次运行。"""
        return str(self.run["run_id"])

    @property
    def nonce(self) -> str:
        """登记时取的随机数；登记看不懂的为空串，由核对去说。"""
        try:
            return str(json.loads(self.run["input"]).get("nonce", ""))
        except (ValueError, AttributeError):
            return ""

    def to_json(self) -> str:
        """写成一个文件的内容。"""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        """读一个导出的文件。

        Raises:
            InvalidInputError: 读不了，或不是导出的证据。

        """
        try:
            data = json.loads(read_given(path, LARGE))
            found = TypeAdapter(cls).validate_python(data)
            str.encode(found.run["run_id"])
        except OSError as error:
            raise InvalidInputError(
                tr("证据文件 {path} 读不了：{problem}", path=path, problem=error.strerror)
            ) from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InvalidInputError(tr("{path} 不是 audit export 写出的证据", path=path)) from None
        if found.format != FORMAT:
            raise InvalidInputError(
                tr(
                    "证据文件 {path} 的格式是 {format}，本程序认的是 {format2}",
                    path=path,
                    format=found.format,
                    format2=FORMAT,
                )
            )
        return found
