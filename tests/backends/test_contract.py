"""后端契约：脚本、MCP、路由、假后端，同样的输入得同样的键、同样的失败、同样的幂等（contract 第 3 节）。"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.constants import ACTIONS, IP_ACTION_SEQUENCE, Side
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.lab.launcher import LabProcess
from tests.backends.conftest import REAL, Stage, build_stage
from tests.script_runner.wire import closed_port

Take = Callable[[int], list[str]]


def test_every_action_gives_what_it_owes(stage: Stage, take: Take) -> None:
    """每个动作都成功，带齐动作表的键，值是文本或文本的列表；版本去了又回。"""
    [ip] = take(1)
    before = stage.do("query-ip", ip).values
    for action in (*IP_ACTION_SEQUENCE, "query-ip"):
        result = stage.do(action, ip)
        assert (result.ok, result.missing_keys(), result.action) == (True, [], action), result.error_summary
        assert all(isinstance(result.values[key], str) for key in ACTIONS[action].gives), result.values
    wanted = stage.state.params["VERSION_NUMBER"]
    assert (result.values["VERSION"], result.values["RUNNING"], result.values["ONLINE"]) == (wanted, "true", "true")
    back = stage.do("rollback-ip", ip)
    assert (back.ok, back.values["SUCCESS"], back.values["VERSION"]) == (True, "true", before["VERSION"])


def test_online_ips_are_a_list(stage: Stage) -> None:
    """在线的工作站总是列表，并说明属于哪个机场。"""
    values = stage.do("get-online-ips").values
    assert isinstance(values["IP"], list)
    assert len(values["IP"]) >= 1
    assert all(isinstance(ip, str) for ip in values["IP"])
    assert values["AIRPORT_CODE"] == "PEK"


def test_the_same_key_has_one_effect(stage: Stage, take: Take) -> None:
    """同一个幂等键再来一次，得到同样的答复，只生效一次，并且查得到。"""
    [ip] = take(1)
    before = stage.do("query-ip", ip).values["VERSION"]
    stage.do("stop-ip", ip)
    key = f"{stage.state.run_id}:{ip}:deploy-ip:same"
    first, again = (stage.do("deploy-ip", ip, key=key) for _ in range(2))
    assert first == again
    assert stage.do("query-ip", ip).values["LAST_KEY"] == key
    if stage.lab is not None:
        assert stage.effects(ip) == ["stop-ip", "deploy-ip"]
    assert stage.do("rollback-ip", ip).values["VERSION"] == before


def test_a_failure_is_a_result(stage: Stage, take: Take) -> None:
    """对方说不行：失败而不是异常，说明原因，不存疑；毛病好了换一个键就行。"""
    [ip] = take(1)
    if isinstance(stage.node, FakeActionRunner):
        stage.node.fail("stop-ip", ip, error="演练故障", times=1)
    elif stage.lab is not None:
        stage.lab.add_fault(f"{ip}:stop:fail:1")
    result = stage.do("stop-ip", ip)
    assert (result.ok, result.in_doubt, result.exit_code) == (False, False, 6)
    assert "演练故障" in result.error_summary
    assert stage.do("stop-ip", ip).ok


@pytest.mark.parametrize(
    ("fault", "action", "code", "in_doubt", "effects"),
    [
        ("stop:fail", "stop-ip", 6, False, []),
        ("stop:hang", "stop-ip", 7, True, []),
        ("stop:drop", "stop-ip", 8, True, ["stop-ip"]),
        ("stop:status=500", "stop-ip", 8, True, ["stop-ip"]),
        ("stop:offline", "stop-ip", 5, False, []),
        ("stop:busy=429", "stop-ip", 5, False, []),
        ("verify:hang", "verify-ip", 7, False, []),
        ("verify:drop", "verify-ip", 8, False, []),
        ("log:fail", "download-log", 6, False, []),
    ],
)
def test_faults_are_told_apart(
    real: Stage,
    take: Take,
    fault: str,
    action: str,
    code: int,
    in_doubt: bool,  # noqa: FBT001  参数表里的一列
    effects: list[str],
) -> None:
    """失败、挂起、丢了答复、离线各归其类，与后端无关；消息写明哪个动作、哪台工作站。"""
    [ip] = take(1)
    lab = real.lab
    assert lab is not None
    lab.add_fault(f"{ip}:{fault}:1")
    limit: dict[str, Any] = {"time_limit": 1.0} if "hang" in fault else {}
    result = real.do(action, ip, **limit)
    assert (result.ok, result.exit_code, result.in_doubt) == (False, code, in_doubt), result.error_summary
    assert f"{action}（{ip}）" in result.error_summary
    assert real.effects(ip) == effects


@pytest.mark.parametrize("kind", REAL)
def test_a_wrong_token_is_not_authorised(kind: str, lab: LabProcess, real: Stage, tmp_path: Path) -> None:
    """令牌不对：退出码 4，什么也没有做，令牌不在消息里。"""
    stage = build_stage(kind, lab, tmp_path, token="canary-wrong")
    stage.state.node_url, stage.state.mcp_url = lab.node_url(), lab.info["mcp_url"]
    for action in ("get-online-ips", "stop-ip"):
        result = stage.do(action, "10.0.0.1" if ACTIONS[action].per_ip else None)
        assert (result.ok, result.exit_code, result.in_doubt) == (False, 4, False), result.error_summary
        assert "PAM_TOKEN" in result.error_summary
        assert "canary" not in result.error_summary


@pytest.mark.parametrize("kind", REAL)
def test_nobody_listening_means_nothing_was_sent(kind: str, lab: LabProcess, tmp_path: Path) -> None:
    """连不上：退出码 5，肯定没有送达，所以不存疑。"""
    stage = build_stage(kind, lab, tmp_path)
    stage.state.node_url = closed_port()
    stage.state.mcp_url = f"{closed_port()}/mcp"
    stage.state.params["PAM_HOME_URL"] = closed_port()
    write_run_config(stage.state)
    for action in (name for name, spec in ACTIONS.items() if spec.side is Side.NODE and spec.needs_intent):
        result = stage.do(action, "10.0.0.1")
        assert (result.ok, result.exit_code, result.in_doubt) == (False, 5, False), result.error_summary
