"""``campaign --server``：各机场是服务器上的一个会话，看到的、做到的与在本机一样；客户端杀掉了接得上。"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.dev_server import DevServer
from pam_deploy_graph.lab.launcher import LabProcess
from tests.campaigns.test_campaign import AIRPORTS, BAD, Fleet
from tests.campaigns.test_in_chat import SENTENCE, chat
from tests.cli.program import MODULE, ROOT, Pam, Zygote
from tests.patience import patience

pytestmark = [pytest.mark.studio, pytest.mark.timeout(240)]


class ServedFleet(Fleet):
    """安装包已经在 HOME，操作员的机器上没有它。"""

    def args(self, *options: object, **params: str) -> list[object]:
        """``campaign run`` 的参数；``PACKAGE_PATH`` 不给。"""
        found = super().args(*options, **params)
        at = found.index(f"PACKAGE_PATH={self.package}")
        return found[: at - 1] + found[at + 1 :]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabProcess]:
    """三个机场的试验场。"""
    with LabProcess(airports=AIRPORTS, workstations=2) as running:
        yield running


@pytest.fixture(scope="module")
def server(lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """指向它的服务器，账本在服务器那里。"""
    env = {"PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token}
    with DevServer(tmp_path_factory.mktemp("server"), env) as running:
        yield running


@pytest.fixture
def fleet(zygote: Zygote, server: DevServer, lab: LabProcess, tmp_path: Path) -> Iterator[ServedFleet]:
    """经它的命令行；没有 PAM 的令牌。"""
    made = ServedFleet(Pam(zygote, tmp_path, {"PAM_SERVER": server.url}), lab)
    given = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": made.version, "AIRPORT_CODE": "PEK"}
    pairs = [
        part for each in (given | {"PACKAGE_PATH": str(made.package)}).items() for part in ("--param", "=".join(each))
    ]
    env = {"PATH": "/usr/bin:/bin", "PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token}
    upload = [sys.executable, "-m", MODULE, "upload", *pairs, "--home", str(tmp_path / "packages")]
    subprocess.run(upload, check=True, env=env, cwd=ROOT, capture_output=True)
    yield made
    lab.clear_faults()


def test_one_approval_killed_and_resumed(fleet: ServedFleet, server: DevServer) -> None:
    """没有终端时要摘要；推出途中客户端被杀，服务器上的照旧；再来看着做完，每个效果恰好一次，本机没有账本。"""
    asked = fleet.pam(*fleet.args("--pilot", "PVG", "--airports-at-once", 2))
    assert (asked.code, "依次 PVG、PEK、CAN" in asked.err) == (10, True), asked.err
    digest = asked.err.partition("摘要 ")[2][:12]
    assert [fleet("confirm", "--approve", "--digest", code).code for code in ("0" * 12, digest)] == [2, 0]
    fleet.lab.add_fault("10.0.0.1:deploy:slow=2:1")
    running = fleet.pam.start("campaign", "resume", fleet.name)
    deadline = time.monotonic() + patience(40)
    while not any(":deploy-ip:" in key for key in fleet.effects()):
        assert time.monotonic() < deadline, running.text()
        time.sleep(0.1)
    running.kill()
    assert fleet.status()["by"]["PVG"]["phase"] == "running"
    done = fleet("resume")
    assert done.code == 0, done.err
    assert "PEK 开始" in done.err
    assert {row["exit_code"] for row in fleet.status()["runs"]} == {0}
    effects = fleet.effects()
    assert set(effects.values()) == {1}
    assert sum(":deploy-ip:" in key for key in effects) == 2 * len(AIRPORTS)
    assert "# 多机场部署" in fleet("report").out
    assert not (fleet.pam.home / "runtime" / "pam.db").exists()


def test_a_pilot_that_fails_holds_the_others_back(fleet: ServedFleet) -> None:
    """试点等人，其余没有开始；拒绝回滚之后停下；人说了还要做才做其余的，一个机场等人不耽误别的。"""
    fleet.lab.add_fault(f"{BAD}:verify:fail:1")
    held = fleet.pam(*fleet.args("--pilot", "PEK", "--airports-at-once", 3, "--yes"))
    assert held.code == 10, held.err
    assert [fleet.status()["by"][each]["phase"] for each in AIRPORTS] == ["waiting", "decided", "decided"]
    assert fleet.pam("confirm", f"{fleet.name}-PEK", "--reject").code == 0
    stopped = fleet("resume")
    assert (stopped.code, "试点 PEK 没有全部做好" in stopped.err) == (12, True), stopped.err
    fleet.lab.clear_faults()
    done = fleet("resume", "--past-pilot")
    assert done.code == 11, done.err
    assert [fleet.status()["by"][each]["exit_code"] for each in AIRPORTS] == [11, 0, 0]


def test_refused_and_cancelled(fleet: ServedFleet) -> None:
    """安装包不经服务器过去；否决的各机场都取消；取消的各有结局。"""
    package = fleet.pam(*fleet.args("--param", f"PACKAGE_PATH={fleet.package}"))
    assert (package.code, "upload" in package.err) == (2, True), package.err
    asked = fleet.pam(*fleet.args())
    assert (asked.code, fleet("confirm", "--reject").code) == (10, 12), asked.err
    assert {row["exit_code"] for row in fleet.status()["runs"]} == {12}
    other = ServedFleet(fleet.pam, fleet.lab)
    other.version = fleet.version
    assert other.pam(*other.args("--airports", "PVG,CAN")).code == 10
    assert "CAN 已取消" in other("cancel").err
    assert {row["exit_code"] for row in other.status()["runs"]} == {12}


def test_one_sentence_in_chat(fleet: ServedFleet) -> None:
    """对话经服务器也一样：一句话、一次批准，做完。"""
    done = chat(fleet.pam, SENTENCE.format(version=fleet.version), "同意")
    assert (done.code, "先试 PEK" in done.err, "结束 3/3 个机场" in done.out) == (0, True, True), done.err
    assert set(fleet.effects().values()) == {1}
    assert len(fleet.effects()) >= 2 * len(AIRPORTS)
