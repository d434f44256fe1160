"""命令行在 PostgreSQL 上：停下、取消、被握着、两个人同时决定（照 SQLite 的那些用例），以及换一台机器接着做。"""

import shutil

import pytest

from tests.cli.site import Site
from tests.cli.test_stopping import (
    slow_start,
    test_a_late_answer_is_told_whose_counts,
    test_a_run_that_is_held,
    test_cancel_after_a_crash,
    test_cancel_while_it_runs,
    test_two_opposite_answers,
)
from tests.postgres.server import PostgresServer

__all__ = [
    "test_a_late_answer_is_told_whose_counts",
    "test_a_run_that_is_held",
    "test_cancel_after_a_crash",
    "test_cancel_while_it_runs",
    "test_two_opposite_answers",
]

pytestmark = pytest.mark.postgres
PASSWORD = "canary-db-91c4e0"


def test_killed_here_resumed_elsewhere(site: Site) -> None:
    """kill -9 之后，另一台机器（另一个工作目录）接着做完：做过的不重做，本地没有数据库文件。"""
    slow_start(site, 1).kill()
    elsewhere = site.pam.folder / "elsewhere"
    done = site.pam("resume", site.run_id, home=elsewhere)
    assert done.code == 0, done.err
    site.all_right()
    assert [path for path in site.pam.folder.rglob("*") if path.suffix in (".db", ".sqlite")] == []


def test_two_resumes_at_once(site: Site) -> None:
    """两个进程同时 resume 一个批准了的回滚：回滚恰好一次，没做事的那个说出是谁握着，或给出同一个结局。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail")
    site.lab.add_fault(f"{bad}:rollback:slow=0.3:1")
    assert site.run("--yes").code == 10
    assert site.confirm("approve").code == 0
    done = [job.wait() for job in [site.pam.start("resume", site.run_id) for _ in range(2)]]
    assert sorted(one.code for one in done) in ([2, 11], [11, 11]), done
    assert site.count("rollback-ip", bad) == 1
    assert site.resume().code == 11


@pytest.mark.parametrize(
    ("url", "code"), [("postgresql://pam:s3cret@127.0.0.1:1/pam", 12), ("postgresql://", 12), ("nonsense:s3cret", 2)]
)
def test_a_store_that_is_away(site: Site, url: str, code: int) -> None:
    """数据库连不上、地址不对：说出来，不显示口令，不是一屏回溯，什么也没做。"""
    site.take(1)
    done = site.run("--yes", env={"PAM_STORE_URL": url})
    assert done.code == code
    assert "错误" in done.err
    assert "s3cret" not in done.err
    assert "Traceback" not in done.err
    assert site.effects() == []


def test_a_standby_is_read_only(site: Site, store: str, postgres: PostgresServer) -> None:
    """库只许读（备机、恢复之中）：打得开，``doctor`` 真的写一次才知道写不进，劝的是看数据库而不是磁盘。"""
    assert site.pam("runs").code == 0
    name = store.split("/")[3].split("?", maxsplit=1)[0]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.cut_off(name)
    (found,) = (check for check in site.pam("doctor", "--json").json() if check["name"] == "账本")
    assert (found["ok"], "read-only" in found["detail"], "PAM_STORE_URL" in found["detail"]) == (False, True, True)


def test_the_password_of_the_database_is_nowhere(site: Site, store: str) -> None:
    """账本的地址里有口令：推出、处境、报告、体检都走得通，输出与文件里没有它。"""
    site.take(1)
    site.pam.env["PAM_STORE_URL"] = store.replace("pam@", f"pam:{PASSWORD}@")
    done = [site.run("--yes", "--json"), site.pam("status", site.run_id), site.pam("report", site.run_id)]
    done += [site.pam("runs"), site.pam("doctor"), site.pam("audit", "verify", site.run_id)]
    assert [one.code for one in done] == [0] * len(done), done
    assert [one for one in done if PASSWORD in one.out + one.err] == []
    assert [
        path for path in site.pam.folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()
    ] == []


def test_its_logs_are_seen_from_another_machine(site: Site) -> None:
    """日志与轨迹留在账本旁边：另一台机器看得到一台的日志、原因与轨迹，报告页里也有；脚本的配置用完就去掉。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail")
    assert site.run("--yes").code == 10
    for folder in ("logs", "runtime"):
        shutil.rmtree(site.pam.home / folder)
    elsewhere = site.pam.folder / "elsewhere"
    told = site.pam("status", site.run_id, bad, "--json", home=elsewhere).json()
    assert any("verify" in line for line in told["log_tail"]), told
    assert all(bad in line for line in told["trace"])
    assert told["trace"]
    page = site.pam("report", site.run_id, "--format", "html", home=elsewhere).out
    assert told["log_tail"][-1].split()[-1] in page
    assert site.confirm("reject").code == 0
    assert site.pam("resume", site.run_id, home=elsewhere).code == 11
    assert list(site.pam.folder.rglob("config_*.txt")) == []
