"""自己掌舵不需要 LangGraph；秘密不落在任何文件里（contract 第 2、6 节）。"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from tests.agent.rig import PARAMS, Rig

WITHOUT_LANGGRAPH = """
import json, sys
sys.modules["langgraph"] = None
from pam_deploy_graph.agent import PamDeployAgent
agent = PamDeployAgent()
state = agent.create_state(params=json.loads(sys.argv[1]), execution_strategy="fake")
agent.run_deploy_flow(state)
print(agent.render_report(state).splitlines()[0], len(state.ip_states))
assert not [name for name in sys.modules if name.startswith("langgraph.")]
"""
CANARY = "canary-4b1d77c0"
ENTRY = """#!/bin/bash
[[ $PAM_TOKEN == canary-4b1d77c0 ]] || { echo ERROR=no token; exit 4; }
echo "ERROR=denied for $PAM_TOKEN"
echo "denied for $PAM_TOKEN" >&2
exit 6
"""


def test_it_works_where_langgraph_cannot_be_imported(home: Path) -> None:
    """LangGraph 根本导入不了时，整个部署照样做完。"""
    command = [sys.executable, "-c", WITHOUT_LANGGRAPH, json.dumps(PARAMS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["##", "PAM", "智能部署报告", "8"]


def test_the_token_is_in_no_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """令牌只到脚本的环境里；脚本把它说出来，也不进状态、账本、检查点、消息和报告。"""
    monkeypatch.setenv("PAM_TOKEN", CANARY)
    entry = home / "leaky.sh"
    entry.write_text(ENTRY, encoding="utf-8")
    agent = PamDeployAgent()
    state = agent.create_state(
        params=PARAMS, execution_strategy="script_only", script_entry=str(entry), checkpoint_path="ckpt.json"
    )
    with pytest.raises(RuntimeError, match="check-home 执行失败") as caught:
        agent.run_deploy_flow(state)
    assert "denied" in str(caught.value)
    assert CANARY not in str(caught.value) + agent.render_report(state) + repr(state)
    files = [path for path in home.rglob("*") if path.is_file() and path != entry]
    assert len(files) >= 3
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_with_mcp_out_of_reach_nothing_goes_another_way(rig: Rig) -> None:
    """MCP 够不着：NODE 一侧的动作失败并说明要什么，不会改走别的路。"""
    state = rig.agent.create_state(params=PARAMS)
    state.completed_global_steps = ["check-home", "upload-package", "publish-version", "get-node-url"]
    with pytest.raises(RuntimeError, match=r"sync-node 执行失败.*MCP"):
        rig.agent.run_global_flow(state)
    assert rig.calls == []
