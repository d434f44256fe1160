"""账本：运行的登记、事件的读取与折叠、决定与租约的查询。

写事件要先 ``open_session`` 取得租约；读取不需要租约，别的进程在写时也能读。
"""

import json
import os
import weakref
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.constants import ExecutionStrategy, build_action_backends
from pam_deploy_graph.errors import RunConflictError, RunNotFoundError
from pam_deploy_graph.ledger import approvals as approvals_
from pam_deploy_graph.ledger import chain, leases, locks, rows
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import open_engine, reading, writing
from pam_deploy_graph.ledger.fold import apply, forget_progress
from pam_deploy_graph.ledger.run_session import RunSession
from pam_deploy_graph.ledger.schema import runs
from pam_deploy_graph.ledger.writer import LedgerWriter
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import new_nonce
from pam_deploy_graph.system.masking import mask

_INPUT_FIELDS = (
    "params",
    "execution_strategy",
    "requested_ips",
    "control_params",
    "script_entry",
    "script_base_dir",
    "config_path",
    "trace_file_path",
    "checkpoint_path",
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """一次运行的登记：``input`` 是开始时的输入（没有秘密），``exit_code`` 在结束后才有。"""

    run_no: int
    run_id: str
    created_at: int
    input: dict[str, Any]
    cancelled_by: str | None
    exit_code: int | None
    reason: str | None

    @property
    def nonce(self) -> str:
        """登记时取的随机数；旧账本里的运行没有，为空串。"""
        return str(self.input.get("nonce", ""))


class Ledger:
    """一个账本数据库；线程安全，可由多个会话共用。"""

    def __init__(self, url: str) -> None:
        """打开账本。

        Args:
            url: ``sqlite:///路径`` 或 ``postgresql://...``。

        Raises:
            LedgerError: 打不开，或属于别的版本。

        """
        self.url = url
        self.engine = open_engine(url)
        self._writer = LedgerWriter(self.engine)
        weakref.finalize(self, _let_go, self._writer, self.engine).atexit = False
        _open.add(self)

    def close(self) -> None:
        """写完等着的行并关闭。"""
        self._writer.close()
        self.engine.dispose()

    def create_run(self, state: AgentState, extra: dict[str, Any] | None = None) -> bool:
        """登记一次运行；同名同输入视为同一次。

        Args:
            state: 刚建好的状态；其中的输入字段存进登记，没有 ``nonce`` 的在这里取一个。
            extra: 一并存进登记的其他输入（JSON 值，没有秘密）。

        Returns:
            新登记的为真；已有同名同输入的为假。

        Raises:
            RunConflictError: run_id 已被另一份输入占用。

        """
        state.nonce = state.nonce or new_nonce()
        given = {name: getattr(state, name) for name in _INPUT_FIELDS} | (extra or {}) | {"nonce": state.nonce}
        text = mask(json.dumps(given, ensure_ascii=False, sort_keys=True))
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(runs).values(run_id=state.run_id, created_at=now_ms(), input=text))
        except IntegrityError:
            found = self.get_run(state.run_id)
            if not _same_work(found.input, given):
                raise RunConflictError(
                    f"run_id {state.run_id} 已被另一份输入占用；换一个 run_id，或用 resume {state.run_id} 继续它"
                ) from None
            state.nonce = found.nonce
            return False
        return True

    def revise_run(self, state: AgentState) -> None:
        """动手之前改了主意：换掉登记里的输入；计划的摘要随之而变，须重新批准。"""
        given = self.get_run(state.run_id).input | {name: getattr(state, name) for name in _INPUT_FIELDS}
        self.update_run(state.run_id, input=json.dumps(given, ensure_ascii=False, sort_keys=True))

    def get_run(self, run_id: str) -> RunRecord:
        """按 run_id 查登记。

        Raises:
            RunNotFoundError: 没有这次运行。

        """
        with reading(self.engine) as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == chain.to_text(run_id))).mappings().first()
        if row is None:
            raise RunNotFoundError(run_id)
        return _record(row)

    def list_runs(self, limit: int = 100) -> list[RunRecord]:
        """返回最近的运行，新的在前。"""
        query = select(runs).order_by(runs.c.run_no.desc()).limit(limit)
        with reading(self.engine) as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def exists(self, run_id: str) -> bool:
        """是否已有这个 run_id。"""
        query = select(func.count()).select_from(runs).where(runs.c.run_id == chain.to_text(run_id))
        with reading(self.engine) as connection:
            return bool(connection.execute(query).scalar())

    def update_run(self, run_id: str, **values: Any) -> None:
        """改登记里的 ``input``、``cancelled_by``、``exit_code`` 或 ``reason``。"""
        clean = {name: chain.to_text(value) if isinstance(value, str) else value for name, value in values.items()}
        with writing(self.engine) as connection:
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(**clean))

    def catch_up(self, state: AgentState) -> None:
        """把账本里状态还没有的事件应用上去：账本知道得更多时，以账本为准。"""
        record = self.get_run(state.run_id)
        run_no, state.nonce = record.run_no, record.nonce
        if state.ledger_seq < 0:
            forget_progress(state)
        for seq, row in rows.read_rows(self.engine, run_no, state.ledger_seq):
            for event in row:
                apply(state, event)
            state.ledger_seq = seq

    def load_state(self, run_id: str, *, keep_events: bool = True) -> AgentState:
        """从登记的输入和全部事件折叠出状态。

        Args:
            run_id: 运行的名字。
            keep_events: 是否在内存保留事件列表；大机群只看进度时不必。

        """
        given = self.get_run(run_id).input
        known = {name: given[name] for name in _INPUT_FIELDS}
        backends = build_action_backends(given["execution_strategy"])
        state = AgentState(run_id=run_id, action_backends=backends, keep_events=keep_events, **known)
        self.catch_up(state)
        return state

    def open_session(self, state: AgentState) -> RunSession:
        """取得租约并把状态追到最新，返回可以写事件的会话。

        Raises:
            RunHeldError: 另一个存活的进程正握着这次运行。

        """
        record = self.get_run(state.run_id)
        lease = leases.acquire(self.engine, record.run_no, state.run_id)
        try:
            self.catch_up(state)
            link = rows.link_at(self.engine, record.run_no, state.ledger_seq)
        except BaseException:
            leases.release(self.engine, lease)
            raise
        return RunSession(self.engine, self._writer, lease, state, link)

    def holder(self, run_id: str) -> str | None:
        """返回正握着这次运行的存活进程的描述；没有时为 ``None``。"""
        return leases.holder_of(self.engine, self.get_run(run_id).run_no)

    def check_module(self, state: AgentState) -> None:
        """要部署的模块若正由别的运行占着，抛 ``ModuleBusyError``。"""
        locks.check(self.engine, self.get_run(state.run_id).run_no, _module_of(state))

    def lock_module(self, state: AgentState) -> None:
        """占住要部署的模块，直到 ``unlock_module``；别的运行占着时抛 ``ModuleBusyError``。"""
        locks.acquire(self.engine, self.get_run(state.run_id).run_no, _module_of(state))

    def unlock_module(self, run_id: str) -> None:
        """放开一次运行占住的模块。"""
        locks.release(self.engine, self.get_run(run_id).run_no)

    def decide(self, run_id: str, approval: approvals_.Approval) -> approvals_.Approval:
        """记下人的决定（比较并设置）；另见 ``approvals.decide``。"""
        return approvals_.decide(self.engine, self.get_run(run_id).run_no, approval)

    def decision(self, run_id: str, subject: str, digest: str) -> approvals_.Approval | None:
        """查某个问题的决定。"""
        return approvals_.lookup(self.engine, self.get_run(run_id).run_no, subject, digest)

    def decisions(self, run_id: str) -> list[approvals_.Approval]:
        """返回一次运行的全部决定。"""
        return approvals_.all_of(self.engine, self.get_run(run_id).run_no)


def _module_of(state: AgentState) -> str:
    """返回 ``机场/应用/模块``；演练用的 ``fake`` 没有外部世界，各占各的。"""
    names = [state.params[name] for name in ("AIRPORT_CODE", "APP_NAME", "MODULE_NAME")]
    own = [state.run_id] if state.execution_strategy == ExecutionStrategy.FAKE else []
    return "/".join(names + own)


def _same_work(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """两份输入说的是不是同一件事（文件路径不算）。"""
    names = ("params", "execution_strategy", "requested_ips", "control_params")
    return all(old.get(name) == new.get(name) for name in names)


def _record(row: Any) -> RunRecord:
    """从一行还原。"""
    return RunRecord(**{**row, "input": json.loads(row["input"])})


def _let_go(writer: LedgerWriter, engine: Engine) -> None:
    """没有人关的账本，被回收时也不留下写手线程与连接。"""
    writer.let_go()
    engine.dispose()


def _start_over() -> None:
    """``fork`` 之后在子进程里：数据库连接不能跨进程用，丢下（不关，那是父进程的）另开；写手也另起。"""
    for ledger in _open:
        _left_behind.append(ledger.engine.pool)
        ledger.engine.dispose(close=False)
        ledger._writer.start_over()  # noqa: SLF001  同一模块里的账本


_open: Final[weakref.WeakSet[Ledger]] = weakref.WeakSet()
_left_behind: Final[list[Any]] = []
"""父进程的连接池；留着不回收，回收会关掉它们。"""
os.register_at_fork(after_in_child=_start_over)
