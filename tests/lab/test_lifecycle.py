"""试验场的一生：命令行、重启、kill -9、收尾（contract 第 3、9 节）。"""

import http.client
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.lab.command import lab as lab_command
from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from tests.lab.api import Api
from tests.patience import patience

OpenLab = Callable[..., Api]


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """在同一个状态目录上开试验场（默认两台工作站）；用例结束时都停掉。"""
    with ExitStack() as stack:

        def start(**options: Any) -> Api:
            """开一个。"""
            lab = LabProcess(**{"workstations": 2, "state": tmp_path, **options})
            return Api(stack.enter_context(lab))

        yield start


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"airport": ["PEKING"]}, "AIRPORT_CODE"),
        ({"workstations": 0}, "--workstations"),
        ({"port": 70_000}, "--port"),
        ({"latency": -1.0}, "--latency"),
        ({"latency": float("nan")}, "--latency"),
        ({"installed": ["gate=1.0"]}, "app/module=version"),
        ({"installed": ["a/b=../c"]}, "VERSION_NUMBER"),
        ({"fault": ["10.0.0.1:stop:boom"]}, "种类"),
        ({"state": Path(__file__)}, "--state"),
    ],
)
def test_bad_options(options: dict[str, Any], reason: str) -> None:
    """不合规则的选项在开始之前就被拒绝，原因指出选项。"""
    with pytest.raises(InvalidInputError, match=reason):
        lab_command(**options)


def test_bad_options_end_with_2() -> None:
    """用错时：中文原因在标准错误，退出码 2，标准输出是空的。"""
    argv = helper_command("lab", "--fault", "10.0.0.9:stop:fail")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=patience(30))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "错误: 选项 --fault 里的工作站 10.0.0.9 不在试验场里\n"


def test_the_line_it_prints_and_how_it_ends() -> None:
    """打印规定的键；SIGTERM 之后退出码 0，临时状态目录不留下。"""
    with LabProcess(airports=("PEK", "sha"), workstations=1) as lab:
        assert set(lab.info) == {"home_url", "node_urls", "mcp_urls", "mcp_url", "token", "state_dir"}
        assert list(lab.info["node_urls"]) == ["PEK", "SHA"]
        assert Api(lab, airport="SHA").node("GET", "/api/workstations").json()["airport"] == "SHA"
        assert [row["ip"] for row in lab.workstations()] == ["10.0.0.1", "10.0.0.1"]
        state = Path(lab.info["state_dir"])
        assert state.is_dir()
        assert lab.stop() == 0
        assert not state.exists()


def test_options_take_effect(open_lab: OpenLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """可以装几个模块；每次工作站调用慢 latency 秒，HOME 不慢；嵌着用的试验场不拿宿主的令牌，自己的存成 0600。"""
    monkeypatch.setenv("PAM_TOKEN", "from-the-environment")
    api = open_lab(installed=["checkin/gate=1.0", "bagdrop/kiosk=3.1"], latency=0.3)
    assert api.lab.token not in ("", "from-the-environment")
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    for app, module, number in (("checkin", "gate", "1.0"), ("bagdrop", "kiosk", "3.1")):
        ref = {"app": app, "module": module, "version": number}
        assert api.act("10.0.0.1", "verify", ref).json()["success"] is True
    began = time.monotonic()
    api.home("GET", "/api/health")
    assert time.monotonic() - began < patience(0.3)
    api.node("GET", "/api/workstations/10.0.0.1")
    assert time.monotonic() - began >= 0.3


def test_the_command_takes_its_token_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """单独启动的 ``lab``：令牌取自环境并存成 0600。"""
    monkeypatch.setenv("PAM_TOKEN", "from-the-environment")
    lab = Helper(helper_command("lab", "--workstations", "1", "--state", str(tmp_path)))
    try:
        assert lab.info["token"] == "from-the-environment"
        assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    finally:
        lab.stop()


def test_state_survives(open_lab: OpenLab) -> None:
    """kill -9 或正常停掉之后再开：地址、令牌、日志、真实情况、幂等应答都还在。"""
    api = open_lab()
    api.release()
    api.replace("10.0.0.1")
    api.act("10.0.0.2", "stop", key="kept")
    api.lab.set_online("10.0.0.2", online=False)
    info, journal, workstations = api.lab.info, api.lab.journal(), api.lab.workstations()
    for ending in (LabProcess.kill, LabProcess.stop):
        ending(api.lab)
        api = open_lab()
        assert (api.lab.info, api.lab.journal(), api.lab.workstations()) == (info, journal, workstations)
    api.lab.set_online("10.0.0.2", online=True)
    assert api.act("10.0.0.2", "stop", key="kept").status == 200
    assert api.lab.journal() == journal
    assert api.act("10.0.0.1", "verify").json()["success"] is True
    assert api.act("10.0.0.1", "rollback").json()["version"] == "1.2.2"


def test_crash_between_effect_and_journal(open_lab: OpenLab) -> None:
    """每个动作在生效之后、记账之前 kill -9：重启之后恰好记一次账，同一个键得到应答，不再做一遍。"""
    versions = {"stop": "1.2.2", "deploy": "1.2.3", "start": "1.2.3", "rollback": "1.2.2"}
    for order in versions:
        api = open_lab(faults=[f"10.0.0.1:{order}:crash"])
        api.release()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            api.act("10.0.0.1", order, key=f"crash.0:{order}")
        assert api.lab.wait() == -9
    api = open_lab(faults=["10.0.0.2:verify:crash"])
    before = api.state("10.0.0.1")
    assert before == (True, "1.2.2", None)
    for order, expected in versions.items():
        assert api.act("10.0.0.1", order, key=f"crash.0:{order}").json()["version"] == expected
        assert api.effects(f"crash.0:{order}") == [f"{order}-ip"]
    assert api.state("10.0.0.1") == before
    assert api.node("GET", "/api/workstations/10.0.0.1").json()["last_key"] == "crash.0:rollback"
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        api.act("10.0.0.2", "verify")
    assert api.lab.wait() == -9


@pytest.mark.crash
def test_kill_in_the_middle_of_traffic(open_lab: OpenLab) -> None:
    """流量正忙时 kill -9：得到过应答的键都在账上，同一个键重做之后每个键恰好一个效果。"""
    api = open_lab(workstations=20)
    api.release()
    ips = [row["ip"] for row in api.lab.workstations()]
    answered: list[str] = []

    def deploy(ip: str) -> None:
        """一台工作站停止、部署、启动，直到试验场死掉。"""
        try:
            for order in ("stop", "deploy", "start"):
                assert api.act(ip, order, key=f"{ip}:{order}").status == 200
                answered.append(f"{ip}:{order}")
        except (OSError, http.client.HTTPException):
            return

    threads = [threading.Thread(target=deploy, args=(ip,)) for ip in ips]
    for thread in threads:
        thread.start()
    while len(answered) < 15:
        time.sleep(0.001)
    api.lab.kill()
    for thread in threads:
        thread.join()
    again = open_lab(workstations=20)
    journalled = {row["key"] for row in again.lab.journal()}
    assert set(answered) <= journalled
    for ip in ips:
        for order in ("stop", "deploy", "start"):
            assert again.act(ip, order, key=f"{ip}:{order}").status == 200
        assert again.act(ip, "verify").json()["success"] is True
    keys = [row["key"] for row in again.lab.journal() if row["ip"]]
    assert sorted(keys) == sorted(f"{ip}:{order}" for ip in ips for order in ("stop", "deploy", "start"))


def test_it_stops_with_calls_hanging(open_lab: OpenLab) -> None:
    """有请求挂起、有请求还慢着的时候也马上停得下来。"""
    api = open_lab(faults=["10.0.0.1:stop:hang", "10.0.0.2:stop:slow=60"])

    def caller(ip: str) -> None:
        """等到连接被断开。"""
        with pytest.raises((OSError, http.client.HTTPException)):
            api.act(ip, "stop", timeout=30)

    threads = [threading.Thread(target=caller, args=(f"10.0.0.{number}",)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert api.lab.stop() == 0
    assert time.monotonic() - began < patience(5)
    for thread in threads:
        thread.join()
    assert open_lab().lab.journal() == []
