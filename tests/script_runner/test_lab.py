"""脚本后端对真实的试验场：每个动作走通，故障各归其类，效果恰好一次。"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE, ScriptExit
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.script_runner import ScriptActionRunner
from tests.script_runner.conftest import ENTRY, MakeState


@pytest.fixture(scope="module")
def lab() -> Iterator[LabProcess]:
    """这个文件共用的一个试验场；每个用例用自己的工作站。"""
    with LabProcess(workstations=8) as running:
        yield running


class Drill:
    """对着试验场做动作；幂等键由动作、工作站和次数组成。"""

    def __init__(self, lab: LabProcess, state: AgentState) -> None:
        """收下试验场和状态。"""
        self.lab = lab
        self.state = state
        self.runner = ScriptActionRunner(ENTRY.parent, token=lab.token, script_entry="")

    def do(self, action: str, ip: str | None = None, attempt: int = 1, **options: Any) -> ActionResult:
        """做一个动作，缺少的选项照动作表补上。"""
        spec = ACTIONS[action]
        if "hash_code" in spec.needs:
            options["hash_code"] = self.state.hash_code
        key = f"r1:{ip or '-'}:{action}:{attempt}" if spec.changes else None
        return self.runner.run_action(self.state, action, ip=ip, idempotency_key=key, **options)

    def effects(self, ip: str | None) -> list[str]:
        """试验场的日志里这台工作站真的发生过的动作。"""
        return [row["action"] for row in self.lab.journal() if row["ip"] == ip]


@pytest.fixture
def drill(lab: LabProcess, make_state: MakeState, tmp_path: Path) -> Drill:
    """安装包已经上传、发布、同步的试验场。"""
    package = tmp_path / "gate-1.3.0.bin"
    package.write_bytes(b"gate 1.3.0\n" * 50_000)
    ready = Drill(lab, make_state(PAM_HOME_URL=lab.home_url, PACKAGE_PATH=str(package)))
    for action in GLOBAL_ACTION_SEQUENCE:
        result = ready.do(action)
        assert (result.ok, result.missing_keys()) == (True, []), result.error_summary
        ready.state.hash_code = result.values.get("HASH_CODE", ready.state.hash_code)
    return ready


def test_a_workstation_goes_all_the_way_and_back(drill: Drill) -> None:
    """停、部署、启动、验证、取日志、回滚、查询都带齐应有的键，效果各一次，版本去了又回。"""
    ip = "10.0.0.1"
    for action in IP_ACTION_SEQUENCE:
        result = drill.do(action, ip)
        assert (result.ok, result.missing_keys()) == (True, []), result.error_summary
    assert Path(result.values["LOG_FILE"]).read_text(encoding="utf-8")
    verified = drill.do("verify-ip", ip).values
    assert (verified["SUCCESS"], verified["VERSION"]) == ("true", "1.3.0")
    assert drill.do("query-ip", ip).values["LAST_KEY"] == f"r1:{ip}:start-ip:1"
    back = drill.do("rollback-ip", ip, stop_first=True)
    assert (back.ok, back.missing_keys(), back.values["VERSION"]) == (True, [], "1.2.2")
    truth = drill.do("query-ip", ip)
    assert (truth.missing_keys(), truth.values["RUNNING"], truth.values["VERSION"]) == ([], "true", "1.2.2")
    assert drill.effects(ip) == ["stop-ip", "deploy-ip", "start-ip", "rollback-ip"]
    assert drill.effects(None) == ["upload-package", "publish-version", "sync-node"]


def test_the_same_key_has_one_effect(drill: Drill) -> None:
    """同一个幂等键再来一次，得到同样的答复，效果还是一次。"""
    first, again = (drill.do("stop-ip", "10.0.0.2") for _ in range(2))
    assert first == again
    assert drill.effects("10.0.0.2") == ["stop-ip"]


@pytest.mark.parametrize(
    ("ip", "fault", "action", "code", "in_doubt", "happened"),
    [
        ("10.0.0.3", "stop:fail", "stop-ip", 6, False, []),
        ("10.0.0.4", "stop:hang", "stop-ip", 7, True, []),
        ("10.0.0.5", "stop:drop", "stop-ip", 8, True, ["stop-ip"]),
        ("10.0.0.6", "stop:offline:1", "stop-ip", 5, False, []),
        ("10.0.0.6", "stop:busy=429:1", "stop-ip", 5, False, []),
        ("10.0.0.6", "stop:status=500:1", "stop-ip", 8, True, ["stop-ip"]),
        ("10.0.0.2", "rollback:status=409:1", "rollback-ip", 8, True, ["rollback-ip"]),
        ("10.0.0.7", "verify:hang", "verify-ip", 7, False, []),
        ("10.0.0.8", "log:fail", "download-log", 6, False, []),
    ],
)
def test_faults_become_failures_or_doubt(
    ip: str,
    fault: str,
    action: str,
    code: int,
    in_doubt: bool,  # noqa: FBT001 —— 参数表里的一列
    happened: list[str],
    drill: Drill,
    make_state: MakeState,
) -> None:
    """失败、挂起、丢弃应答、离线各归其类；结果未知的才存疑，消息写明哪个动作、哪台工作站。"""
    before = drill.effects(ip)
    drill.lab.add_fault(f"{ip}:{fault}")
    drill.state = make_state(PAM_HOME_URL=drill.lab.home_url, REQUEST_TIMEOUT="1", VERIFY_TIMEOUT="1")
    result = drill.do(action, ip)
    assert (result.ok, result.exit_code, result.in_doubt) == (False, code, in_doubt), result.error_summary
    assert f"{action}（{ip}）" in result.error_summary
    assert result.retry_after == (1.0 if code == ScriptExit.NOT_TAKEN else None)
    assert drill.effects(ip)[len(before) :] == happened


def test_a_wrong_token_is_not_authorised(drill: Drill) -> None:
    """令牌不对：退出码 4，没有动手。"""
    runner = ScriptActionRunner(ENTRY.parent, token="not-the-token", script_entry="")
    for action, ip in (("check-home", None), ("upload-package", None), ("stop-ip", "10.0.0.1")):
        result = runner.run_action(drill.state, action, ip=ip)
        assert (result.ok, result.exit_code, result.in_doubt) == (False, 4, False)
        assert "PAM_TOKEN" in result.error_summary


def test_a_version_that_home_lacks_is_named(drill: Drill, make_state: MakeState) -> None:
    """HOME 没有这个版本又没给安装包：配置错误，写明缺什么。"""
    drill.state = make_state(PAM_HOME_URL=drill.lab.home_url, VERSION_NUMBER="9.9.9")
    result = drill.do("upload-package", attempt=2)
    assert (result.ok, result.exit_code) == (False, 3)
    assert "checkin/gate/9.9.9" in result.error_summary
    assert "PACKAGE_PATH" in result.error_summary
