"""两份记录一个真相（contract 第 8 节）。

备份恢复、丢了 WAL、改了一个字、丢了账本，都停下说清，什么也不改变；``repair`` 接得下去。
"""

import copy
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import BEFORE, Site
from tests.cli.test_stopping import slow_start
from tests.patience import patience


def ledger_of(site: Site) -> Path:
    """账本文件。"""
    return site.pam.home / "runtime" / "pam.db"


def without_wal(path: Path) -> None:
    """丢掉没有并回的部分。"""
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def put_back(backup: Path, place: Path) -> None:
    """从备份恢复一个文件。"""
    without_wal(place)
    shutil.copyfile(backup, place)


@pytest.fixture
def waiting(site: Site) -> Site:
    """一次等着批准计划的运行；备份就在这时做：``backup/``。"""
    site.take(2)
    assert site.run().code == 10
    shutil.copytree(site.pam.home / "runtime", site.pam.folder / "backup")
    return site


def go(site: Site) -> int:
    """批准计划，做下去，返回退出码。"""
    assert site.confirm("approve").code == 0
    return site.resume().code


def repaired(site: Site, *options: object) -> str:
    """``repair``，返回另开的运行名；它等着批准新的计划。"""
    done = site.pam("repair", site.run_id, *options)
    assert done.code == 10, done.err
    assert f"{site.run_id}-r1" in done.err
    return f"{site.run_id}-r1"


def finish(site: Site, run_id: str) -> int:
    """批准修出来的那一次，做完它。"""
    other = copy.copy(site)
    other.run_id = run_id
    return go(other)


def refused(site: Site, *said: str) -> None:
    """``resume`` 以 12 停下，说清楚，试验场里什么也没有发生。"""
    before = own_rows(site)
    done = site.resume()
    assert (done.code, "Traceback" in done.err) == (12, False), done.err
    assert all(word in done.err for word in (*said, f"repair {site.run_id}")), done.err
    assert own_rows(site) == before


def own_rows(site: Site) -> list[dict[str, Any]]:
    """HOME 与本测试几台上的效果；同用一个试验场的别的测试，被杀时进行中的会晚到。"""
    return [row for row in site.lab.journal() if row["ip"] is None or row["ip"] in site.ips]


def test_a_restored_ledger_is_behind(waiting: Site) -> None:
    """账本从备份恢复、检查点没有：说账本落后了；修出来的一次只做还要做的，做过的不重做。"""
    good, bad = waiting.ips
    waiting.lab.add_fault(f"{bad}:verify:fail:1")
    assert go(waiting) == 10
    put_back(waiting.pam.folder / "backup" / "pam.db", ledger_of(waiting))
    refused(waiting, "落后")
    run_id = repaired(waiting)
    assert waiting.real(good) == (True, waiting.version)
    assert f"已是 {waiting.version}" in waiting.pam("status", run_id).out
    assert finish(waiting, run_id) == 0
    assert [waiting.real(ip) for ip in waiting.ips] == [(True, waiting.version)] * 2
    assert waiting.pam("report", run_id, "--format", "json").json()["control_params"]["repaired_from"] == waiting.run_id
    assert "到此为止" in waiting.pam("status", waiting.run_id).out
    assert waiting.resume().code == 12
    assert waiting.pam("repair", waiting.run_id).code == 2


def test_everything_restored_is_behind_too(waiting: Site) -> None:
    """账本与检查点一起从备份恢复：两份对得上，是工作站上这次运行的键说出账本落后了。"""
    assert go(waiting) == 0
    for name in ("pam.db", "checkpoints.sqlite"):
        put_back(waiting.pam.folder / "backup" / name, waiting.pam.home / "runtime" / name)
    assert waiting.confirm("approve").code == 0
    effects = [row for row in waiting.lab.journal() if row["ip"]]
    done = waiting.resume()
    assert (done.code, "账本落后了" in done.err) == (12, True), done.err
    assert [row for row in waiting.lab.journal() if row["ip"]] == effects
    assert finish(waiting, repaired(waiting)) == 0
    waiting.all_right()


def test_a_lost_wal_tail(site: Site) -> None:
    """kill -9 之后没有并回的 WAL 丢了：不是说工作站都不在线，而是说账本落后了。"""
    slow_start(site, 1).kill()
    without_wal(ledger_of(site))
    deadline = time.monotonic() + patience(2)
    while not site.count("deploy-ip", site.ips[0]) and time.monotonic() < deadline:
        time.sleep(0.02)  # 进行中的一步：做了，或随着断开的连接没有做
    refused(site)
    assert site.pam("runs").code in (0, 12)


def test_an_unreadable_registration(waiting: Site) -> None:
    """登记不再是完整的 JSON，而工作站上有它的键：修出来的一次照样查、照样做完；别的运行不受它牵连。"""
    waiting.lab.add_fault(f"{waiting.ips[0]}:verify:fail:1")
    assert go(waiting) == 10
    with sqlite3.connect(ledger_of(waiting)) as connection:
        assert connection.execute("UPDATE runs SET input = replace(input, '{', '[')").rowcount
    connection.close()
    refused(waiting)
    assert finish(waiting, repaired(waiting)) == 0
    assert [waiting.real(ip) for ip in waiting.ips] == [(True, waiting.version)] * 2
    assert waiting.run("--yes", "--run-id", "other", "--targets", waiting.ips[1], "--force").code == 0


@pytest.mark.parametrize("target", ["input", "events"])
def test_a_changed_character(waiting: Site, target: str) -> None:
    """登记的输入、链上的一行改了一个字：说是哪一处，不照它做；别的运行照样看得到；修出来的还是原来的版本。"""
    statement = {
        "input": "UPDATE runs SET input = replace(input, ?, ?)",
        "events": "UPDATE events SET body = replace(body, ?, ?) WHERE seq = 2",
    }[target]
    old = waiting.version if target == "input" else "HOME"
    with sqlite3.connect(ledger_of(waiting)) as connection:
        changed = connection.execute(statement, (old, old[:-1] + "X"))
        assert changed.rowcount
    connection.close()
    refused(waiting)
    assert waiting.run("--yes", "--run-id", "other", "--strategy", "fake", "--targets", "10.0.0.1").code == 0
    listed = {row["run_id"]: row["standing"] for row in waiting.pam("runs", "--json").json()}
    assert "已损坏" in listed[waiting.run_id]
    assert listed["other"] == "全部完成"
    with sqlite3.connect(ledger_of(waiting)) as connection:  # 坏的成了最近的一次
        connection.execute("UPDATE runs SET run_no = run_no + 10 WHERE run_id = ?", (waiting.run_id,))
        connection.execute("UPDATE events SET run_no = run_no + 10 WHERE run_no = 1")
    connection.close()
    shown = waiting.pam("status")
    assert (shown.code, waiting.run_id in shown.out, "运行 other: 已结束" in shown.out) == (0, True, True), shown
    assert list(waiting.pam("status", "--json").json()["damaged"]) == [waiting.run_id]
    run_id = repaired(waiting)
    assert waiting.version in waiting.pam("status", run_id).out
    assert finish(waiting, run_id) == 0
    assert [waiting.real(ip) for ip in waiting.ips] == [(True, waiting.version)] * 2


def test_a_lost_ledger_is_named(waiting: Site) -> None:
    """账本丢了而检查点还知道运行：哪个命令都说出来，不新建一份空的；``repair`` 问范围，或由 ``--targets`` 给。"""
    ledger_of(waiting).unlink()
    without_wal(ledger_of(waiting))
    for command in (["runs"], ["status"], ["resume", waiting.run_id], ["confirm", waiting.run_id, "--approve"]):
        done = waiting.pam(*command)
        assert (done.code, waiting.run_id in done.err, "Traceback" in done.err) == (12, True, False), (command, done)
    assert waiting.run("--yes", "--run-id", "other").code == 12
    assert not ledger_of(waiting).exists()
    asked = waiting.pam("repair", waiting.run_id)
    assert (asked.code, "target_ips" in asked.err) == (10, True), asked.err
    assert waiting.effects() == []
    run_id = f"{waiting.run_id}-r1"
    assert waiting.pam("resume", run_id).code == 10
    done = waiting.pam("repair", waiting.run_id, "--targets", ",".join(waiting.ips))
    assert done.code == 10, done.err
    run_id = next(row["run_id"] for row in waiting.pam("runs", "--json").json())
    assert finish(waiting, run_id) == 0
    assert [waiting.real(ip) for ip in waiting.ips] == [(True, waiting.version)] * 2


@pytest.mark.parametrize("damage", [0, 4096, 8192])
def test_a_lost_ledger_beside_checkpoints_that_cannot_be_read(waiting: Site, damage: int) -> None:
    """账本丢了，检查点也读不了：它知道哪几次运行不知道，不当作一次也没有，不新建空账本。"""
    ledger_of(waiting).unlink()
    without_wal(ledger_of(waiting))
    checkpoints = waiting.pam.home / "runtime" / "checkpoints.sqlite"
    without_wal(checkpoints)
    content = checkpoints.read_bytes()
    checkpoints.write_bytes(content[:damage] + b"\x07" * 3000 + content[damage + 3000 :])
    done = waiting.run("--yes", "--run-id", "other")
    assert (done.code, "Traceback" in done.err, ledger_of(waiting).exists()) == (12, False, False), done.err


def test_a_damaged_run_gives_its_module_back(site: Site) -> None:
    """做到一半链断了的运行：修的时候到此为止，占着的模块放开。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail:1")
    assert site.run("--yes").code == 10
    with sqlite3.connect(ledger_of(site)) as connection:
        connection.execute("UPDATE events SET body = replace(body, 'verify-ip', 'verify-iq')")
    connection.close()
    refused(site)
    assert finish(site, repaired(site)) == 0
    assert site.real(bad) == (True, site.version)


def test_looking_leaves_everything_as_it_was(waiting: Site) -> None:
    """看的命令一个字节也不改、一个文件也不添。"""
    folder = waiting.pam.home / "runtime"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for command in (["runs"], ["status", waiting.run_id], ["report", waiting.run_id]):
        assert waiting.pam(*command).code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert waiting.real(waiting.ips[0])[1] == BEFORE


def test_a_pause_is_recorded(site: Site) -> None:
    """Ctrl-C 记下谁、何时、从哪里；``resume`` 是人让它继续，也记下。"""
    job = slow_start(site, 1)
    job.interrupt()
    assert job.wait().code == 12
    (paused,) = (event for event in site.report()["events"] if event["type"] == "RUN_PAUSED")
    assert paused["operator"]
    assert (paused["channel"], paused["at"] > 0) == ("cli", True)
    assert site.resume().code == 0
    kinds = [event["type"] for event in site.report()["events"]]
    assert kinds.index("RUN_PAUSED") < kinds.index("RUN_CONTINUED")
    site.all_right()


def test_a_full_disk_under_the_checkpoints(waiting: Site) -> None:
    """检查点长不了：以 12 停下，指出文件，不是回溯；腾出地方接着做。"""
    path = waiting.pam.home / "runtime" / "checkpoints.sqlite"
    folder = path.with_name("away")
    path.rename(folder)
    path.mkdir()
    done = waiting.resume()
    assert (done.code, "checkpoints.sqlite" in done.err, "Traceback" in done.err) == (12, True, False), done.err
    path.rmdir()
    folder.rename(path)
    assert go(waiting) == 0


@pytest.mark.parametrize("room", [65_536, *(pytest.param(room, marks=pytest.mark.slow) for room in (24_576, 131_072))])
def test_a_disk_that_fills_up(waiting: Site, room: int) -> None:
    """推着推着磁盘满了，检查点与账本谁先写不下都一样：以 12 停下，不是回溯；腾出地方接着做，每个效果恰好一次。"""
    assert waiting.confirm("approve").code == 0
    done = waiting.pam.on_a_small_disk(room, "resume", waiting.run_id)
    assert (done.code, "Traceback" in done.err) == (12, False), done.err
    assert "磁盘" in done.err, done.err
    done = waiting.resume()
    assert done.code == 0, done.err
    waiting.all_right()
