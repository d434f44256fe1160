"""默认策略的整次部署：NODE 一侧走 MCP，丢了答复先查证，MCP 不通就什么也不做，批准之后工具、命令变了就再问。"""

import shlex
import sys
from typing import Any

import pytest

from pam_deploy_graph.constants import ACTIONS, IP_ACTION_SEQUENCE
from tests.cli.site import Site
from tests.mcp_runner.wire import WireMcp
from tests.script_runner.wire import closed_port

CHANGING = [name for name in IP_ACTION_SEQUENCE if ACTIONS[name].changes]
HYBRID = ("--strategy", "hybrid_node_mcp")


def _node_effects(site: Site) -> list[tuple[Any, str]]:
    """这次运行在 NODE 一侧真的发生过的动作。"""
    mine = [row for row in site.lab.journal() if str(row["key"]).startswith(f"{site.run_id}.")]
    return [(row["ip"], row["action"]) for row in mine if row["side"] == "NODE"]


def test_a_whole_rollout(site: Site) -> None:
    """整次部署走完，每个效果恰好一次；一台的启动丢了答复，查证之后继续。"""
    ips = site.take(3)
    site.lab.add_fault(f"{ips[1]}:start:drop:1")
    done = site.run(*HYBRID, "--yes", "--max-parallel", "3")
    assert done.code == 0, done.err
    per_ip = {ip: [action for where, action in _node_effects(site) if where == ip] for ip in ips}
    assert per_ip == dict.fromkeys(ips, CHANGING)
    report = site.report()
    backends = {event["stage"]: event["backend"] for event in report["events"] if event.get("type") == "ACTION_DONE"}
    assert {backends[name] for name in ACTIONS if ACTIONS[name].per_ip and name in backends} == {"mcp"}
    assert backends["check-home"] == "script"


def test_no_other_way_when_mcp_is_away(site: Site) -> None:
    """MCP 不通：停在批准之前，NODE 上什么也没有发生，消息说出怎么办。"""
    site.take(1)
    done = site.run(*HYBRID, "--yes", env={"PAM_MCP_URL": f"{closed_port()}/mcp"}, REQUEST_TIMEOUT="2")
    assert done.code == 12
    assert "连接不上 MCP 服务" in done.err
    assert _node_effects(site) == []


@pytest.mark.parametrize("changed", [True, False])
def test_tools_are_part_of_what_was_approved(site: Site, wire: WireMcp, changed: bool) -> None:  # noqa: FBT001  两种情形
    """批准的计划连着工具的指纹：另一个进程继续时，工具变了就再请人批准，没变就做。"""
    site.take(1)
    wire.online = site.ips
    env = {"PAM_MCP_URL": wire.url}
    assert site.run(*HYBRID, env=env).code == 10
    assert site.pam("confirm", site.run_id, "--approve", *site.code(), env=env).code == 0
    if changed:
        stop = next(tool for tool in wire.tools if tool["name"] == "stop_ip")
        stop["inputSchema"]["properties"]["force"] = {"type": "boolean"}
    done = site.pam("resume", site.run_id, env=env)
    assert done.code == (10 if changed else 12)
    assert ("批准之后变了" in done.err + done.out) is changed
    assert ("sync_node" in wire.changing_calls()) is not changed


def test_a_server_on_stdio(site: Site) -> None:
    """``PAM_MCP_COMMAND``：计划里写着是哪条命令，批准之后换了命令就再请人批准，批准了就做完。"""
    site.take(1)
    argv = [sys.executable, "-m", "pam_deploy_graph", "mcp-node", "--transport", "stdio"]
    env = {"PAM_MCP_COMMAND": shlex.join([*argv, "--node-url", site.lab.node_url()])}
    asked = site.run(*HYBRID, env=env)
    assert asked.code == 10, asked.err
    assert f"PAM_MCP_COMMAND: {sys.executable}（整条命令的 SHA-256 " in asked.out + asked.err
    assert site.pam("confirm", site.run_id, "--approve", *site.code(), env=env).code == 0
    other = {"PAM_MCP_COMMAND": f"{env['PAM_MCP_COMMAND']}/"}
    assert site.pam("resume", site.run_id, env=other).code == 10
    assert _node_effects(site) == []
    assert site.pam("confirm", site.run_id, "--approve", *site.code(), env=other).code == 0
    done = site.pam("resume", site.run_id, env=other)
    assert done.code == 0, done.err
    assert [action for where, action in _node_effects(site) if where] == CHANGING
