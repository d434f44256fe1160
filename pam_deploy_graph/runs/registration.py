"""登记一次运行：检查输入、取名、建状态、写配置文件、记进账本。

``PamDeployAgent``、图与命令行都从这里开始一次运行。
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, DEFAULT_STRATEGY, build_action_backends
from pam_deploy_graph.errors import InvalidInputError, RunConflictError
from pam_deploy_graph.home.run_files import config_path, run_ids, trace_path, write_run_config
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.inputs.parameters import normalize_params, validate_control, validate_run_id
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.masking import masked
from pam_deploy_graph.system.safe_text import show_value

_WRITTEN_PATHS: Final = frozenset({"config_path", "trace_file_path", "checkpoint_path"})


@dataclass(frozen=True, slots=True)
class RunRequest:
    """开始一次运行所需的输入；没给的用默认值，``environment`` 介于给出的值与默认值之间。"""

    params: Mapping[str, object]
    execution_strategy: str
    run_id: str | None = None
    home: Path = Path()
    environment: Mapping[str, object] = field(default_factory=dict)
    control_params: Mapping[str, object] = field(default_factory=dict)
    target_ips: Iterable[str] | str | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    """``script_entry``、``script_base_dir``、``config_path``、``trace_file_path``、``checkpoint_path``。"""
    extra: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""
    """谁提出的（真正的账号）；不给就是本进程的。"""


def register(ledger: Ledger, request: RunRequest) -> tuple[AgentState, bool]:
    """登记一次运行。

    Args:
        ledger: 账本。
        request: 输入。

    Returns:
        ``(状态, 是否新登记)``；同名同输入的运行已在账本里时，状态是它折叠到最新的样子。

    Raises:
        InvalidInputError: 输入不合规则；什么也没有写。
        RunConflictError: run_id 已被另一份输入占用。

    """
    for name in _WRITTEN_PATHS & request.paths.keys():
        _check_path(name, request.paths[name])
    if request.run_id is not None:
        state = prepared(request, validate_run_id(request.run_id))
        created = ledger.create_run(state, dict(request.extra), account=request.account)
    else:
        state, created = _register_unnamed(ledger, request), True
    if not created:
        ledger.catch_up(state)
    write_run_config(state)
    return state, created


def revised(ledger: Ledger, request: RunRequest) -> AgentState:
    """改了主意：给出同一次运行换成新输入的状态；什么也没有写，登记由 ``register_again`` 握着租约去改。

    Raises:
        InvalidInputError: 输入不合规则。
        RunConflictError: 这次运行已经动过手，输入不能再改。

    """
    state = prepared(request, validate_run_id(str(request.run_id)))
    refuse_once_begun(ledger.load_state(state.run_id, keep_events=False))
    return state


def has_begun(state: AgentState) -> bool:
    """动过手没有：只读的检查不算，失败了的 ``upload-package`` 没有留下什么，也不算。"""
    return bool(_changes(state) or state.open_intents or state.ip_states)


def refuse_once_begun(state: AgentState) -> None:
    """动过手的，输入不能再改。

    Raises:
        RunConflictError: 已经动过手；消息说明做了哪几步，怎么办。

    """
    if has_begun(state):
        done = tr("（{changes}）", changes=tr("、").join(_changes(state))) if _changes(state) else ""
        raise RunConflictError(
            tr(
                "运行 {run_id} 已经动过手{done}，输入不能再改；用 resume {run_id} 照原样继续，"
                "或者先取消它（cancel {run_id}，对话里说「取消」），再说要部署什么",
                run_id=state.run_id,
                done=done,
            )
        )


def _changes(state: AgentState) -> list[str]:
    """做完的、会改变外界的全局步骤。"""
    return [step for step in state.completed_global_steps if ACTIONS[step].changes]


def _check_path(name: str, path: str) -> None:
    """要写的文件得写得了：登记之前就说，而不是做到一半以 ``IsADirectoryError`` 停下。"""
    target = Path(path).absolute()
    folder = next(parent for parent in target.parents if parent.exists())
    reason = ""
    if not path.isprintable():
        reason = tr("路径不能含控制字符")
    elif target.is_dir():
        reason = tr("它是一个目录，应为文件的路径")
    elif not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = tr("{folder} 不是可写的目录", folder=folder)
    if reason:
        raise InvalidInputError(
            tr("参数 {name} 的值 {path} 写不了：{reason}", name=name, path=show_value(path), reason=reason)
        )


def fill_in(state: AgentState, home: Path = Path()) -> None:
    """调用者自己建的 ``AgentState`` 没有写的路径与后端，用默认值补上。

    Raises:
        InvalidInputError: 运行名或执行策略不合规则。

    """
    validate_run_id(state.run_id)
    state.config_path = state.config_path or str(config_path(home, state.run_id))
    state.trace_file_path = state.trace_file_path or str(trace_path(home, state.run_id))
    state.action_backends = state.action_backends or build_action_backends(state.execution_strategy)


def _register_unnamed(ledger: Ledger, request: RunRequest) -> AgentState:
    """按时间取名；重名则加序号，直到登记成功。"""
    for run_id in run_ids():
        state = prepared(request, run_id)
        try:
            if ledger.create_run(state, dict(request.extra), account=request.account):
                return state
        except RunConflictError:
            continue
    raise AssertionError


def _refuse_secrets(given: Mapping[str, object]) -> None:
    """输入要进账本、配置文件与报告：里面不能有本进程知道的秘密。"""
    for name, value in given.items():
        if masked(value) != value:
            raise InvalidInputError(tr("参数 {name} 的值里有秘密（令牌、密钥或口令），请去掉；值没有记下来", name=name))


def prepared(request: RunRequest, run_id: str) -> AgentState:
    """检查输入并建好状态。"""
    _refuse_secrets({**request.params, **request.control_params, "run_id": run_id})
    control = validate_control({**request.control_params, "execution_strategy": _strategy(request)})
    strategy = control.pop("execution_strategy")
    asked = control.pop("target_ips", None) if request.target_ips is None else _expand(request.target_ips)
    paths: dict[str, Any] = dict(request.paths)
    paths.setdefault("config_path", str(config_path(request.home, run_id)))
    paths.setdefault("trace_file_path", str(trace_path(request.home, run_id)))
    return AgentState(
        run_id=run_id,
        params=normalize_params(request.params, request.environment),
        execution_strategy=strategy,
        action_backends=build_action_backends(strategy),
        requested_ips=asked,
        control_params=control,
        **paths,
    )


def _strategy(request: RunRequest) -> str:
    """控制参数里点名的策略压过默认值；另外指定的又压过它。"""
    given = str(request.execution_strategy)
    return str(request.control_params.get("execution_strategy") or given) if given == DEFAULT_STRATEGY else given


def _expand(target_ips: Iterable[str] | str) -> list[str]:
    """展开目标；明确给了空列表就是「一台也没有」，不是「全部」。"""
    if not isinstance(target_ips, Iterable):
        raise InvalidInputError(
            tr("参数 target_ips 的值 {target_ips} 不合规则：应为地址或范围的列表", target_ips=show_value(target_ips))
        )
    given = target_ips if isinstance(target_ips, str) else list(target_ips)
    return expand_ips(given) if given else []
