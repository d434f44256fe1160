"""脚本后端：把一个动作译成一次脚本调用（依据 contract 第 3 节「脚本后端」）。

``script_entry`` 找到脚本，``build_argv`` 决定怎么调，``subprocess_runner`` 在限度内运行，
``script_result`` 读懂输出。令牌只进脚本的环境变量，不进参数、配置文件与消息。
"""

import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from anyio import CancelScope, CapacityLimiter

from pam_deploy_graph.constants import Backend, ScriptExit
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.time_limits import time_limit_of
from pam_deploy_graph.models import ActionResult
from pam_deploy_graph.protocol.outcome import explain
from pam_deploy_graph.script_runner.child_process import ProcessLimits, run_process
from pam_deploy_graph.script_runner.entry import (
    DEFAULT_BASE_DIR,
    current_settings,
    launcher,
    select_script_entry,
)
from pam_deploy_graph.script_runner.fetched_log import mask_fetched
from pam_deploy_graph.script_runner.result import parse_output, to_result
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.file_digest import file_digest
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.private_files import private_folder
from pam_deploy_graph.system.resources import is_packaged
from pam_deploy_graph.system.safe_text import neutralise
from pam_deploy_graph.system.tls import SYSTEM_TRUST, TlsFiles

__all__ = [
    "INHERITED",
    "ScriptActionRunner",
    "ScriptState",
    "build_argv",
    "child_env",
    "parse_output",
    "select_script_entry",
]

# 脚本自己也守同一个时限；多等这一点，好让它先说清原因再退出。
_GRACE_SECONDS: Final = 0.3
INHERITED: Final = ("PATH", "HOME", "TMPDIR", "TZ", *SYSTEM_TRUST)


class ScriptState(Protocol):
    """本后端用到的状态；``AgentState`` 即满足。"""

    run_id: str
    params: dict[str, str]
    script_entry: str
    script_base_dir: str
    config_path: str
    trace_file_path: str


def build_argv(
    state: ScriptState,
    action: str,
    *,
    entry: str,
    ip: str | None = None,
    hash_code: str | None = None,
    stop_first: bool = False,
    to_version: str | None = None,
    idempotency_key: str | None = None,
) -> list[str]:
    """拼出脚本调用的 argv；没有给出的选项不出现。

    Args:
        state: 用到 ``config_path`` 与 ``trace_file_path``。
        action: 动作名。
        entry: 入口脚本。
        ip: 工作站地址。
        hash_code: 安装包的散列。
        stop_first: 回滚前先停。
        to_version: 退回哪个版本；不知道的不给。
        idempotency_key: 幂等键。

    Returns:
        ``entry ACTION --config FILE [--ip IP] [--hash-code H] [--stop-first] [--to-version V] [--idempotency-key K]
        [--trace-file F]``。

    """
    argv = [entry, action, "--config", state.config_path]
    argv += ["--ip", ip] if ip else []
    argv += ["--hash-code", hash_code] if hash_code else []
    argv += ["--stop-first"] if stop_first else []
    argv += ["--to-version", to_version] if to_version else []
    argv += ["--idempotency-key", idempotency_key] if idempotency_key else []
    argv += ["--trace-file", state.trace_file_path] if state.trace_file_path else []
    return argv


def child_env(source: Mapping[str, str], token: str, *, frozen: bool = False) -> dict[str, str]:
    """脚本的全部环境变量：少数继承的、固定的字符编码和令牌。

    Args:
        source: 本进程的环境，只从中挑几个。
        token: PAM 令牌；空串表示没有，由脚本报「未授权」。
        frozen: 是否打包成了单个程序；那时动态库路径要还原，否则 bash 与 curl 会载入包里的库。

    """
    env = {name: source[name] for name in INHERITED if name in source}
    library_path = source.get("LD_LIBRARY_PATH_ORIG" if frozen else "LD_LIBRARY_PATH")
    if library_path:
        env["LD_LIBRARY_PATH"] = library_path
    # 没有 SHELL，bash 每次起步都去查用户库；只定字符编码，省得载入其余的区域文件。
    env |= {"SHELL": "/bin/sh", "LC_CTYPE": "C.UTF-8"}
    return env | {"PAM_TOKEN": token} if token else env


class ScriptActionRunner:
    """脚本后端；可以被多个线程同时使用。"""

    def __init__(
        self,
        script_base_dir: str | os.PathLike[str] = DEFAULT_BASE_DIR,
        *,
        token: str | None = None,
        script_entry: str | None = None,
        environ: Mapping[str, str] | None = None,
        concurrency: int = 64,
        tls: TlsFiles | None = None,
    ) -> None:
        """收下脚本目录与各项设置。

        Args:
            script_base_dir: 脚本所在目录；状态里写了 ``script_base_dir`` 时以状态为准。
            token: PAM 令牌；不给则用到时取自 ``Settings``。
            script_entry: ``PAM_SCRIPT_ENTRY`` 的值；不给则用到时取自 ``Settings``。
            environ: 供脚本继承的环境，只挑 ``child_env`` 列出的几个；不给则取自 ``Settings``。
            concurrency: ``arun_action`` 最多同时运行多少个脚本。
            tls: 站点的 CA 与客户端证书；不给则用到时取自 ``Settings``。

        """
        self._base_dir = script_base_dir
        self._token = token
        self._override = script_entry
        self._environ = environ
        self._tls = tls
        self._limiter = CapacityLimiter(concurrency)
        self._programs: dict[tuple[str, str], list[str]] = {}
        self._traces: set[str] = set()

    def run_action(
        self, state: ScriptState, action: str, *, time_limit: float | None = None, **options: Any
    ) -> ActionResult:
        """做一个动作，最迟在时限之后 2 秒返回；调用者在不在事件循环里都可以。

        Args:
            state: 这次运行。
            action: 动作名，见 ``ACTIONS``。
            time_limit: 时限，秒；默认取动作表指定的参数。
            **options: ``ip``、``hash_code``、``stop_first``、``to_version``、``idempotency_key``，见 ``build_argv``。

        Returns:
            结果；脚本起不来、失败、超时都是 ``ok=False``，不抛异常。

        """
        return event_loop.call(functools.partial(self._act, state, action, time_limit=time_limit, **options))

    async def arun_action(self, state: ScriptState, action: str, **options: Any) -> ActionResult:
        """同 ``run_action``，在调用者的事件循环里做；取消要等这一次做完，结果不会丢在半路。"""
        async with self._limiter:
            with CancelScope(shield=True):
                result = await self._act(state, action, **options)
        return result

    async def find_package(self, state: ScriptState) -> ActionResult | None:
        """没有给出安装包时，问 HOME 有没有这个版本：这时的 ``upload-package`` 只查不传；给了的为 ``None``。"""
        return None if state.params.get("PACKAGE_PATH") else await self.arun_action(state, "upload-package")

    def endpoints(self, state: ScriptState) -> dict[str, str]:
        """脚本入口的路径与 SHA-256；随包的那一份不必说。

        Raises:
            InvalidInputError: 找不到入口，或它读不了。

        """
        entry = self._program(state.script_entry, state.script_base_dir)[-1]
        return {} if is_packaged(entry) else {"PAM_SCRIPT_ENTRY": f"{entry}（SHA-256 {file_digest(entry)}）"}

    async def _act(
        self, state: ScriptState, action: str, *, time_limit: float | None = None, **options: Any
    ) -> ActionResult:
        """做一个动作；被取消时脚本也被结束。"""
        ip = options.get("ip")
        try:
            *launcher, entry = self._program(state.script_entry, state.script_base_dir)
            argv = [*launcher, *build_argv(state, action, entry=entry, **options)]
            limits = ProcessLimits(time_limit_of(action, state.params, time_limit) + _GRACE_SECONDS)
            self._prepare_trace(state.trace_file_path)
            outcome = await run_process(argv, env=self._env, limits=limits)
        except (OSError, ValueError) as error:
            summary = explain(action, ip, neutralise(tr("脚本没有启动：{error}", error=error)), ScriptExit.CONFIG)
            return ActionResult.failure(action, Backend.SCRIPT, summary, exit_code=ScriptExit.CONFIG)
        result = to_result(action, ip, outcome, token=self._secret)
        return mask_fetched(result, log_folder(state)) if action == "download-log" else result

    @functools.cached_property
    def _secret(self) -> str:
        """令牌。"""
        if self._token is not None:
            learn(self._token)
        return current_settings().token() if self._token is None else self._token

    @functools.cached_property
    def _env(self) -> dict[str, str]:
        """脚本的环境变量。"""
        source = current_settings().process_environ() if self._environ is None else self._environ
        tls = current_settings().tls() if self._tls is None else self._tls
        return child_env(source, self._secret, frozen=bool(getattr(sys, "frozen", False))) | tls.environ()

    def _program(self, script_entry: str, script_base_dir: str) -> list[str]:
        """选出入口：状态指定的优先，其次 ``PAM_SCRIPT_ENTRY``，再次按平台；记住它，不必每个动作都去找。

        Returns:
            解释器（要用时）与入口的绝对路径。

        Raises:
            InvalidInputError: 找不到入口。

        """
        wanted = (script_entry, script_base_dir)
        if wanted not in self._programs:
            if self._override is None:
                self._override = current_settings().pam_script_entry
            base_dir = script_base_dir or self._base_dir
            chosen = script_entry or select_script_entry(base_dir, override=self._override)
            entry = str(Path(chosen).absolute())
            self._programs[wanted] = [*launcher(entry), entry]
        return self._programs[wanted]

    def _prepare_trace(self, path: str) -> None:
        """备好轨迹的目录；同一个只备一次。"""
        if path and path not in self._traces:
            private_folder(Path(path).absolute().parent)
            self._traces.add(path)
