"""值班手册「备份与恢复」在 PostgreSQL 上照着做一遍：备份之后动过工作站的说账本落后了，修出来的一次做得完。"""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.cli.site import Site
from tests.cli.test_stopping import slow_start
from tests.cli.test_two_records import finish, go, own_rows, repaired
from tests.postgres.server import binaries

pytestmark = pytest.mark.postgres
HANDBOOK: Final = Path(__file__).parents[2] / "docs" / "handbook.md"
BACK_UP, PUT_BACK = re.findall(r"^pg_.+$", HANDBOOK.read_text(encoding="utf-8"), re.MULTILINE)


def by_the_book(command: str, site: Site, store: str) -> None:
    """照手册上的字敲一条命令。"""
    env = os.environ | {"PAM_STORE_URL": store, "PATH": f"{binaries()}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", command], check=True, env=env, cwd=site.pam.folder, timeout=60)


def test_the_drill(site: Site, store: str) -> None:
    """等批准时备份，做完之后恢复：批准了也不动手，说账本落后了；``repair`` 出来的计划照实情，做完。"""
    site.take(2)
    assert site.run().code == 10
    by_the_book(BACK_UP, site, store)
    assert go(site) == 0
    by_the_book(PUT_BACK, site, store)
    assert site.run_id in site.pam("runs").out
    before = own_rows(site)
    assert site.confirm("approve").code == 0
    done = site.resume()
    assert (done.code, "账本落后了" in done.err, own_rows(site) == before) == (12, True, True), done.err
    assert finish(site, repaired(site)) == 0
    site.all_right()


def test_a_backup_taken_while_it_runs(site: Site, store: str) -> None:
    """推到一半备份，随后 ``kill -9``，恢复：两份是同一个时刻的，接着做完，或说账本落后了，修出来的一次做完。"""
    job = slow_start(site, 1)
    by_the_book(BACK_UP, site, store)
    job.kill()
    by_the_book(PUT_BACK, site, store)
    done = site.resume()
    if done.code == 12:
        assert "账本落后了" in done.err, done.err
        assert finish(site, repaired(site)) == 0
    else:
        assert done.code == 0, done.err
    site.all_right()
