"""曾经的缺陷：应答里有孤立代理项就写不进账本，整个运行掀翻，恢复时再掀翻。"""

from typing import Any

import pytest

from tests.agent.rig import FIRST, Rig, folded, without_times

BAD = "坏\ud800了"


@pytest.mark.parametrize(
    ("action", "failure"),
    [
        ("stop-ip", {"error": BAD}),
        ("stop-ip", {"values": {"MESSAGE": BAD}}),
        ("verify-ip", {"values": {"SUCCESS": "false", "MESSAGE": BAD}}),
        ("download-log", {"values": {"LOG_FILE": BAD}}),
    ],
    ids=str,
)
def test_a_lone_surrogate_does_not_stop_the_fleet(action: str, failure: dict[str, Any], rig: Rig) -> None:
    """一台的怪字符只影响它自己：写进账本时换成看得见的写法，流程照走，折叠一致，检查点写得出。"""
    rig.fake.fail(action, FIRST, **failure)
    state = rig.agent.run_deploy_flow(rig.state(run_id="r1", checkpoint_path="ckpt.json"))
    assert FIRST in state.ip_states
    assert without_times(folded("r1")) == without_times(state)
    rig.agent.render_report(state).encode()
