"""SQLite 的锁：同一进程里再开一次账本或检查点，先开者的锁还在（关掉任一描述符会丢掉整个进程的 POSIX 锁）。"""

import subprocess
import sys
from pathlib import Path

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState

LEDGER = (
    "import sys; from pam_deploy_graph.ledger import Ledger\n"
    "ledger = Ledger(sys.argv[1]); print(len(ledger.list_runs())); ledger.close()"
)
SAVER = (
    "import sys; from pathlib import Path; from pam_deploy_graph.checkpoint_store import open_saver\n"
    "with open_saver(Path(sys.argv[1])) as saver: saver.setup()"
)


def other(code: str, what: str) -> str:
    """另一个进程打开又关上。"""
    return subprocess.run([sys.executable, "-c", code, what], capture_output=True, text=True, check=True).stdout


def run(name: str) -> AgentState:
    """一次运行。"""
    return AgentState(run_id=name, params={}, execution_strategy="fake")


def test_a_second_ledger_in_the_process(tmp_path: Path) -> None:
    """同一进程开着两份账本，另一个进程开了又关：前者的写入不丢，文件不坏。"""
    url = f"sqlite:///{tmp_path / 'pam.db'}"
    first = Ledger(url)
    first.create_run(run("one"))
    second = Ledger(url)
    assert other(LEDGER, url) == "1\n"
    first.create_run(run("two"))
    second.create_run(run("three"))
    assert other(LEDGER, url) == "3\n"
    assert len(first.list_runs()) == len(second.list_runs()) == 3
    first.close()
    second.close()


def test_a_second_saver_in_the_process(tmp_path: Path) -> None:
    """检查点文件同理：别的进程关掉时，还开着的一方的 WAL 还在。"""
    path = tmp_path / "checkpoints.sqlite"
    with open_saver(path), open_saver(path):
        other(SAVER, str(path))
        assert Path(f"{path}-wal").exists()
