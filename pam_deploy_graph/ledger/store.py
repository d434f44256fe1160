"""账本：运行的登记、事件的读取与折叠、决定与租约的查询。

写事件要先 ``open_session`` 取得租约；读取不需要租约，别的进程在写时也能读。
"""

import contextlib
import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, delete, insert

from pam_deploy_graph.constants import build_action_backends
from pam_deploy_graph.errors import AlreadyDecidedError, LedgerDamagedError, RunNotFoundError
from pam_deploy_graph.ledger import approvals as approvals_
from pam_deploy_graph.ledger import chain, leases, locks, positions, registry, rows
from pam_deploy_graph.ledger.engine import open_engine, writing
from pam_deploy_graph.ledger.evidence_rows import read_head
from pam_deploy_graph.ledger.fold import Listener, apply, forget_progress, unheard
from pam_deploy_graph.ledger.look import look_engine
from pam_deploy_graph.ledger.outlast import execute
from pam_deploy_graph.ledger.registry import RunRecord
from pam_deploy_graph.ledger.run_session import RunSession
from pam_deploy_graph.ledger.schema import ledger_meta
from pam_deploy_graph.ledger.writer import LedgerWriter
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.protocol.keys import owner_of, was_issued


class Ledger:
    """一个账本数据库；线程安全，可由多个会话共用。"""

    def __init__(self, url: str, *, look: bool = False) -> None:
        """打开账本。

        Args:
            url: ``sqlite:///路径`` 或 ``postgresql://...``。
            look: 只看：不新建、不迁移、不修补，文件所在的目录不能写也行。

        Raises:
            LedgerError: 打不开，或属于别的版本。

        """
        self.url = url
        self.engine, self.ledger_id = look_engine(url) if look else open_engine(url)
        self._writer = LedgerWriter(self.engine)
        self._issued: dict[str, tuple[int, Mapping[str, int]]] = {}
        weakref.finalize(self, _let_go, self._writer, self.engine).atexit = False
        _open.add(self)

    def close(self) -> None:
        """写完等着的行并关闭。"""
        self._writer.close()
        self.engine.dispose()

    def create_run(self, state: AgentState, extra: dict[str, Any] | None = None, *, account: str = "") -> bool:
        """登记一次运行；同名同输入视为同一次。

        Args:
            state: 刚建好的状态；其中的输入字段存进登记，没有 ``nonce`` 的在这里取一个。
            extra: 一并存进登记的其他输入（JSON 值，没有秘密）。
            account: 谁提出的（真正的账号）；不给就是本进程的。

        Returns:
            新登记的为真；已有同名同输入的为假。

        Raises:
            RunConflictError: run_id 已被另一份输入占用。

        """
        return registry.create(self.engine, state, extra or {}, account)

    def get_run(self, run_id: str) -> RunRecord:
        """按 run_id 查登记。

        Raises:
            RunNotFoundError: 没有这次运行。

        """
        return registry.get(self.engine, run_id)

    def list_runs(self, limit: int = 100, prefix: str = "", *, unfinished: bool = False) -> Sequence[RunRecord]:
        """返回最近的运行，名字以 ``prefix`` 开头的，新的在前；``unfinished`` 只要没有结束的。"""
        return registry.latest(self.engine, limit, prefix, unfinished=unfinished)

    def exists(self, run_id: str) -> bool:
        """是否已有这个 run_id。"""
        return registry.exists(self.engine, run_id)

    def try_write(self) -> None:
        """真的写一次再抹掉，同一个事务；写不进去抛 ``LedgerError``。"""
        trial = {"version": -1, "ledger_id": "doctor"}
        with writing(self.engine) as connection:
            connection.execute(insert(ledger_meta).values(trial))
            connection.execute(delete(ledger_meta).where(ledger_meta.c.version == trial["version"]))

    def holds(self, key: str) -> bool:
        """一个幂等键是不是这份账本发出的；运行不在、登记或事件已损坏、账本落后了（没有发过它），都不敢说是。"""
        run_id, nonce = owner_of(key)
        with contextlib.suppress(LedgerDamagedError, RunNotFoundError):
            return bool(run_id) and (it := self.get_run(run_id)).nonce == nonce and was_issued(self._issued_of(it), key)
        return False

    def _issued_of(self, run: RunRecord) -> Mapping[str, int]:
        """一次运行写过 INTENT 的各个尝试；账本没有往前走的，不重新折叠。"""
        seq, _ = rows.position(self.engine, run.run_no)
        known = self._issued.get(run.run_id)
        if known is None or known[0] != seq:
            known = self._issued[run.run_id] = (seq, self.load_state(run.run_id, keep_events=False).issued)
        return known[1]

    def stopped(self, run_id: str, reason: str | None, *, unlock: bool = False) -> None:
        """记下中断的原因（``None`` 是没有停）；``unlock`` 为真时同时放开模块。"""
        run_no = self.get_run(run_id).run_no
        unlocking = [locks.releasing(run_no)] if unlock else []
        execute(self.engine, [registry.changing(run_no, reason=reason), *unlocking])

    def catch_up(self, state: AgentState, heard: Listener = unheard) -> None:
        """把账本里状态还没有的事件应用上去：账本知道得更多时，以账本为准。

        Raises:
            LedgerDamagedError: 链断了，登记的输入与当初登记的不符，或结束与否两处说法不一。

        """
        record = self._read_on(state, heard)
        if not registry.agrees(record, state):  # 读的当中别的进程写过，再读一遍
            record = self._read_on(state, heard)
            if not registry.agrees(record, state):
                raise registry.damaged_input(state.run_id)

    def _read_on(self, state: AgentState, heard: Listener) -> RunRecord:
        """折叠新的行，返回在此之前读到的登记。"""
        record = self.get_run(state.run_id)
        state.nonce = record.nonce
        if state.ledger_seq < 0:
            forget_progress(state)
        for seq, row in rows.read_rows(self.engine, record.run_no, state.ledger_seq):
            for event in row:
                apply(state, event)
                heard(event)
            state.ledger_seq = seq
        return record

    def load_state(self, run_id: str, *, keep_events: bool = True, heard: Listener = unheard) -> AgentState:
        """从登记的输入和全部事件折叠出状态。

        Args:
            run_id: 运行的名字。
            keep_events: 是否在内存保留事件列表；大机群只看进度时不必。
            heard: 每折叠一个事件就告诉它，只给恢复用的也在内。

        Raises:
            RunNotFoundError: 没有这次运行。
            LedgerDamagedError: 见 ``catch_up``。

        """
        given = self.get_run(run_id).input
        try:
            known = {name: given[name] for name in registry.INPUT_FIELDS}
            backends = build_action_backends(given["execution_strategy"])
        except (KeyError, ValueError):
            raise registry.damaged_input(run_id) from None
        state = AgentState(run_id=run_id, action_backends=backends, keep_events=keep_events, **known)
        self.catch_up(state, heard)
        return state

    def salvage(self, run_id: str) -> tuple[AgentState, bool]:
        """还读得出多少就折叠多少，给 ``repair`` 用；第二个值表示登记的输入还信得过。

        Raises:
            RunNotFoundError: 没有这次运行。

        """
        record = self.get_run(run_id)
        state = AgentState(run_id=run_id, params={}, execution_strategy="", keep_events=False)
        with contextlib.suppress(LedgerDamagedError):
            for name in registry.INPUT_FIELDS:
                setattr(state, name, record.input.get(name, getattr(state, name)))
        with contextlib.suppress(LedgerDamagedError, KeyError):
            for seq, row in rows.read_rows(self.engine, record.run_no):
                for event in row:
                    apply(state, event)
                state.ledger_seq = seq
        sound = bool(state.params) and state.input_digest == chain.text_digest(record.input_text)
        return state, sound

    def end_damaged(self, run_id: str, code: int, reason: str) -> None:
        """链已断、再也接不上的运行：只在登记里写下它到此为止，放开模块。"""
        execute(self.engine, self.finish_row(run_id, code, reason))

    def position(self, run_id: str) -> dict[str, Any]:
        """返回账本此刻写到哪里：``{"id", "run_id", "seq", "link"}``；检查点带着它。"""
        run_no = self.get_run(run_id).run_no
        seq, link = rows.position(self.engine, run_no)
        return {"id": self.ledger_id, "run_id": run_id, "seq": seq, "link": link.hex()}

    def check_position(self, position: Mapping[str, Any]) -> None:
        """检查点写下时账本在那里；现在的账本若落后、是另一份或改动过，就停下。

        Raises:
            RecordsDisagreeError: 两份记录对不上；消息说明是哪一种。

        """
        positions.check(self.engine, self.ledger_id, position)

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
            made = read_head(self.engine, state.run_id)
        except BaseException:
            leases.release(self.engine, lease)
            raise
        return RunSession(self.engine, self._writer, lease, state, link, made)

    def finish_row(self, run_id: str, code: int, reason: str) -> list[Any]:
        """返回随 ``RUN_FINISHED`` 一起执行的语句：登记里的退出码，放开模块；三者同一个事务。"""
        run_no = self.get_run(run_id).run_no
        return [registry.changing(run_no, exit_code=code, reason=reason), locks.releasing(run_no)]

    def revision_row(self, state: AgentState) -> tuple[Event, list[Any]]:
        """动手之前改了主意：返回换掉登记的事件与随它执行的语句。"""
        record = self.get_run(state.run_id)
        text = registry.revised_input(record, state)
        event = {"type": "RUN_REVISED", "input": chain.text_digest(text)}
        return event, [registry.changing(record.run_no, input=text)]

    def holder(self, run_id: str) -> str | None:
        """返回正握着这次运行的存活进程的描述；没有时为 ``None``。"""
        return held.who if (held := self.held(run_id)) else None

    def held(self, run_id: str) -> leases.Holder | None:
        """返回正握着这次运行的；没有时为 ``None``。"""
        return leases.holder_of(self.engine, self.get_run(run_id).run_no)

    def check_module(self, state: AgentState) -> None:
        """要部署的模块若正由别的运行占着，抛 ``ModuleBusyError``。"""
        locks.check(self.engine, self.get_run(state.run_id).run_no, locks.module_of(state))

    def lock_module(self, state: AgentState) -> None:
        """占住要部署的模块，直到停下或结束；别的运行占着时抛 ``ModuleBusyError``。"""
        locks.acquire(self.engine, self.get_run(state.run_id).run_no, locks.module_of(state))

    def decide(self, run_id: str, approval: approvals_.Approval) -> approvals_.Approval:
        """记下人的决定（比较并设置）；另见 ``approvals.decide``。"""
        return approvals_.decide(self.engine, self.get_run(run_id).run_no, approval)

    def decide_all(
        self, run_id: str, asked: Sequence[approvals_.Approval]
    ) -> list[approvals_.Approval | AlreadyDecidedError]:
        """在一个事务里记下几个决定，各有结局；另见 ``approvals.decide_all``。"""
        return approvals_.decide_all(self.engine, self.get_run(run_id).run_no, asked)

    def cancel(self, run_id: str, operator: str, channel: str = "", account: str = "") -> None:
        """记下取消；已经取消了的照旧。``account`` 是动手的账号，不给就是本进程的。"""
        asked = approvals_.Approval(
            approvals_.CANCEL, "", approvals_.CANCEL, operator, "", 0, account=account, channel=channel
        )
        self.decide_all(run_id, [asked])

    def decision(self, run_id: str, subject: str, digest: str) -> approvals_.Approval | None:
        """查某个问题的决定。"""
        return approvals_.lookup(self.engine, self.get_run(run_id).run_no, subject, digest)

    def decisions(self, run_id: str) -> list[approvals_.Approval]:
        """返回一次运行里对问题的全部决定。"""
        return [one for one in self.decision_chain(run_id) if one.subject != approvals_.CANCEL]

    def decision_chain(self, run_id: str) -> list[approvals_.Approval]:
        """返回决定链上的每一条，取消也在其中；链断了抛 ``LedgerDamagedError``。"""
        return approvals_.all_of(self.engine, self.get_run(run_id).run_no)


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
