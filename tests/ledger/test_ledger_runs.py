"""账本的登记、读取、折叠、版本与文件权限（architecture「账本」）。"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.errors import LedgerError, RunConflictError, RunNotFoundError
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION
from tests.agent.rig import DATABASE, PARAMS, Rig, execute, folded, store_url, without_times
from tests.ledger.books import new_state, registered, step, write


def test_a_run_is_registered_once(ledger: Ledger) -> None:
    """第一次登记为真；同名同输入是同一次运行，路径不同不算不同。"""
    assert ledger.create_run(new_state()) is True
    other_paths = new_state()
    other_paths.config_path = "elsewhere.txt"
    assert ledger.create_run(other_paths) is False
    assert ledger.exists("r1")
    assert not ledger.exists("r2")


@pytest.mark.parametrize(
    "change",
    [
        {"params": PARAMS | {"VERSION_NUMBER": "9"}},
        {"execution_strategy": "script_only"},
        {"requested_ips": ["10.0.0.1"]},
        {"requested_ips": []},
        {"control_params": {"max_parallel": 2}},
    ],
    ids=str,
)
def test_the_name_belongs_to_its_input(change: dict[str, object], ledger: Ledger) -> None:
    """同名而输入不同：拒绝，写出名字和办法，原来的登记不变。"""
    registered(ledger)
    other = new_state()
    for name, value in change.items():
        setattr(other, name, value)
    with pytest.raises(RunConflictError, match=r"r1.*resume r1"):
        ledger.create_run(other)
    assert ledger.get_run("r1").input["params"] == PARAMS


def test_an_unknown_run_is_named(ledger: Ledger) -> None:
    """没有的运行：报错写出名字。"""
    with pytest.raises(RunNotFoundError, match="nope"):
        ledger.load_state("nope")


def test_runs_are_listed_newest_first(ledger: Ledger) -> None:
    """列出运行，新的在前，不超过要的条数。"""
    for number in range(5):
        registered(ledger, f"r{number}")
    assert [run.run_id for run in ledger.list_runs(3)] == ["r4", "r3", "r2"]


def test_another_process_reads_while_a_session_writes(ledger: Ledger) -> None:
    """一边写，另一个账本对象一边读得到已经落盘的行。"""
    state = registered(ledger)
    for number in range(3):
        write(ledger, state, step(number))
        assert [event["number"] for event in folded("r1").events] == list(range(number + 1))


def test_catching_up_takes_only_what_is_new(ledger: Ledger) -> None:
    """追赶只应用还没有的事件，追上之后再追什么也不变。"""
    state = registered(ledger)
    write(ledger, state, step(1), step(2))
    behind = new_state()
    ledger.catch_up(behind)
    write(ledger, state, step(3))
    ledger.catch_up(behind)
    ledger.catch_up(behind)
    assert [event["number"] for event in behind.events] == [1, 2, 3]
    assert without_times(behind) == without_times(state)


def test_events_need_not_be_kept(ledger: Ledger) -> None:
    """大机群只看进度时不在内存里留事件，别的都一样。"""
    rig = Rig()
    state = rig.agent.run_deploy_flow(rig.state(run_id="r2"))
    brief = ledger.load_state("r2", keep_events=False)
    assert brief.events == []
    assert (brief.ip_states, brief.ledger_seq) == (state.ip_states, state.ledger_seq)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_another_schema_version_is_refused(version: int, ledger: Ledger) -> None:
    """别的版本的账本：拒绝打开，写出两个版本号，文件不动。"""
    registered(ledger)
    ledger.close()
    execute("UPDATE ledger_meta SET version = ?", version)
    with pytest.raises(LedgerError, match=f"{version}.*{SCHEMA_VERSION}"):
        Ledger(store_url())
    assert execute("SELECT run_id FROM runs") == [("r1",)]


def test_an_older_file_is_left_as_it_was(home: Path) -> None:
    """旧版本的文件被拒绝时，不会被悄悄加上新的表。"""
    DATABASE.parent.mkdir()
    execute("CREATE TABLE ledger_meta (version INTEGER PRIMARY KEY)")
    execute("INSERT INTO ledger_meta VALUES (0)")
    with pytest.raises(LedgerError):
        Ledger(store_url())
    assert execute("SELECT name FROM sqlite_master WHERE type = 'table'") == [("ledger_meta",)]


def test_a_file_that_is_no_ledger_is_refused(home: Path) -> None:
    """不是数据库的文件：拒绝打开，写出路径，文件不动。"""
    DATABASE.parent.mkdir()
    DATABASE.write_text("这不是数据库" * 100, encoding="utf-8")
    with pytest.raises(LedgerError, match=r"pam\.db"):
        Ledger(store_url())
    assert DATABASE.read_text(encoding="utf-8").startswith("这不是")


def test_a_password_in_the_address_is_not_shown(home: Path) -> None:
    """打不开时消息里没有口令。"""
    with pytest.raises(LedgerError) as caught:
        Ledger("sqlite://user:s3cret@host/no/such/dir")
    assert "s3cret" not in str(caught.value)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o177], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """换一个 umask，用完还原。"""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_are_private_whatever_the_umask(umask: int, home: Path) -> None:
    """不论 umask，文件一律 0600，目录一律 0700；写的途中也是。"""
    rig = Rig()
    rig.fake.fail("stop-ip", "10.0.0.2")
    state = rig.agent.run_deploy_flow(rig.state(checkpoint_path="keep/ckpt.json"))
    rig.agent.confirm_pending(state, approved=True)
    found = {path.relative_to(home): stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}
    assert {"pam.db", "pam.db-wal", "pam.db-shm", "ckpt.json"} <= {path.name for path in found}


def test_a_loose_file_is_tightened(home: Path) -> None:
    """账本文件的权限被人放宽过：打开时收紧。"""
    Ledger(store_url()).close()
    DATABASE.chmod(0o644)
    Ledger(store_url()).close()
    assert stat.S_IMODE(DATABASE.stat().st_mode) == 0o600


def test_durability_is_on(home: Path) -> None:
    """连接一律 WAL 与 synchronous=FULL：报告落盘就真的落了盘。"""
    with Ledger(store_url()).engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]
    plain = sqlite3.connect(DATABASE)
    assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()
