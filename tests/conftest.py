"""图、命令行与崩溃测试共用的夹具：一个共用的试验场，每个用例用自己的工作站、运行名和版本。"""

import faulthandler
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.ledger import engine
from tests.agent.rig import Rig
from tests.cli.program import Pam, Zygote
from tests.cli.site import Site
from tests.graph.desk import Desk
from tests.patience import patience
from tests.postgres.server import PostgresServer, why_not

WORKSTATIONS = 400
TEARDOWN_SECONDS = 120.0
IN_MEMORY = Path("/dev/shm")  # noqa: S108 —— 就是要放在内存里
ROOM = 4 << 30
_STDERR = pytest.StashKey[int]()
IN_OWN_FOLDER = {"agent", "doors", "flows", "inputs", "ledger", "protocol", "report", "runs", "system"}
_OURS = ("PAM_", "OPENAI_")
_runs = count(1)
_free = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """单个用例的时限也照负载放宽，命令行给了 ``--timeout`` 的照它；在后台跑的 shell 让子进程不理 Ctrl-C，这里恢复。"""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.timeout is None:
        config.option.timeout = patience(float(config.getini("timeout")))
    if "TMPDIR" not in os.environ and _in_memory():
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)
    config.stash[_STDERR] = os.dup(2)


def _in_memory() -> bool:
    """测试的目录能不能放在内存里：几千个账本、每次写入都等落盘，在真的磁盘上一半的时间是在等它；断电不在这里试。"""
    if not IN_MEMORY.is_dir() or not os.access(IN_MEMORY, os.W_OK):
        return False
    return shutil.disk_usage(IN_MEMORY).free > ROOM and not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """收尾也有时限：pytest-timeout 只响一次，超时之后收尾再卡住就没有人管了；到时写出每个线程在哪里，进程结束。"""
    faulthandler.dump_traceback_later(patience(TEARDOWN_SECONDS), file=item.config.stash[_STDERR], exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """用例量出来的（``record_property("figure", …)``）各写一行：docs/faults.md 里的数从这里抄。"""
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(f"数: {figure}")


@pytest.fixture(scope="session", autouse=True)
def operator_environment() -> dict[str, str]:
    """跑测试的人的环境不进测试，说中文；从环境里拿走的在这里，要用的用例自己来取。"""
    os.environ["LC_ALL"] = "C.UTF-8"
    return {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_OURS)}


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """每个用例有自己的账本，各有各的引擎；同样的语句全部用例合起来只编译一次，而不是每个引擎编译一次。"""
    with pytest.MonkeyPatch.context() as patch:
        given = {"compiled_cache": LRUCache[Any, Any](1000)}
        patch.setattr(SQLiteDialect_pysqlite, "__eq__", lambda self, other: type(self) is type(other), raising=False)
        patch.setattr(SQLiteDialect_pysqlite, "__hash__", lambda self: hash(type(self)), raising=False)
        patch.setattr(engine, "create_engine", partial(create_engine, execution_options=given))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """当前目录换成自己的空目录。"""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rig(home: Path) -> Rig:
    """三台在线、没有编排失败的台架，在自己的空目录里。"""
    return Rig()


@pytest.fixture(scope="session")
def lab() -> Iterator[LabProcess]:
    """共用的试验场：PEK，几百台工作站，都装着 1.2.2。"""
    with LabProcess(workstations=WORKSTATIONS) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """一个真的 PostgreSQL；没有服务程序的机器上说明原因，跳过。"""
    if reason := why_not():
        pytest.skip(reason)
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """命令行的母进程。"""
    running = Zygote()
    yield running
    running.close()


@pytest.fixture
def take() -> Callable[[int], list[str]]:
    """领几台谁也没有用过、地址连续的工作站。"""

    def some(number: int) -> list[str]:
        """领 ``number`` 台。"""
        ips = [str(IPv4Address("10.0.0.0") + next(_free)) for _ in range(number)]
        assert next(_free) <= WORKSTATIONS, "工作站用完了"
        return ips

    return some


@pytest.fixture
def pam(zygote: Zygote, lab: LabProcess, tmp_path: Path) -> Pam:
    """对着共用试验场的命令行。"""
    return Pam(zygote, tmp_path, {"PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token})


@pytest.fixture
def make_site(pam: Pam, lab: LabProcess, take: Callable[[int], list[str]]) -> Callable[..., Site]:
    """造一块地：自己的运行名、版本和安装包；给了名字的还有自己的工作目录，因而有自己的账本。"""
    return lambda name="": Site(pam.within(name), lab, take, next(_runs))


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """一个用例通常只要一块地。"""
    return make_site()


@pytest.fixture(autouse=True)
def _own_folder(request: pytest.FixtureRequest) -> None:
    """这几个房间的用例，每个在自己的空目录里。"""
    if request.path.parent.name in IN_OWN_FOLDER:
        request.getfixturevalue("home")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """用 SqliteSaver 的桌子。"""
    with open_saver(tmp_path / "runtime" / "checkpoints.sqlite") as saver:
        made = Desk(tmp_path, saver)
        yield made
        made.services.close()
