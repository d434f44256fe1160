"""决定的签名：交给 ``ssh-keygen -Y sign`` 与 ``-Y verify``，不自造密码学（contract 第 8 节）。"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final, Protocol

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.settings import Settings

NAMESPACE: Final = "pam-deploy-decision"
_SECONDS: Final = 60


class Signable(Protocol):
    """签的是什么。"""

    @property
    def subject(self) -> str:
        """对什么作的决定。"""
        ...

    @property
    def digest(self) -> str:
        """给人看过的内容的摘要。"""
        ...

    @property
    def decision(self) -> str:
        """什么决定。"""
        ...

    @property
    def note(self) -> str:
        """备注。"""
        ...


def signed_bytes(run_id: str, nonce: str, decision: Signable, subject: str = "") -> bytes:
    """返回签名盖着的字节：哪次运行、哪个问题、看过的摘要、什么决定、备注。"""
    content = {"run_id": run_id, "nonce": nonce, "subject": subject or decision.subject, "digest": decision.digest}
    content |= {"decision": str(decision.decision), "note": decision.note}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sign(key: Path, content: bytes) -> str:
    """用一把私钥签名；要口令的由 ssh-keygen 自己问。

    Raises:
        InvalidInputError: 签不了；消息是 ssh-keygen 说的。

    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decision"
        file.write_bytes(content)
        _run("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file))
        return Path(f"{file}.sig").read_text(encoding="ascii")


def why_bad(signature: str, content: bytes, person: str, allowed_signers: str) -> str:
    """说明一个签名为什么不算数；算数的为空串。"""
    with tempfile.TemporaryDirectory() as folder:
        signers, file = Path(folder) / "allowed_signers", Path(folder) / "decision.sig"
        signers.write_text(allowed_signers, encoding="utf-8")
        file.write_text(signature, encoding="ascii", errors="replace")
        argv = ["-Y", "verify", "-f", str(signers), "-I", person or "-", "-n", NAMESPACE, "-s", str(file)]
        try:
            _run(*argv, content=content)
        except InvalidInputError as error:
            return str(error)
    return ""


def _run(*argv: str, content: bytes | None = None) -> None:
    """运行 ssh-keygen；它用不着令牌与密钥，环境里没有。"""
    options: dict[str, Any] = {"capture_output": True, "timeout": _SECONDS, "env": Settings.child_environ()}
    try:
        done = subprocess.run(["ssh-keygen", *argv], input=content, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidInputError(tr("ssh-keygen 用不了：{error}", error=error)) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise InvalidInputError(
            tr(
                "ssh-keygen {argv} 不成：{said}",
                argv=argv[1],
                said=said[-1] if said else tr("退出码 {returncode}", returncode=done.returncode),
            )
        )
