"""场景 wire：每个应答 20 毫秒的 PAM，经 MCP、经脚本，与光秃秃的循环、xargs + curl 比。"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import child
from bench.figures import Goal, Metric, Scenario
from bench.fleet import PARAMS, addresses

_SECONDS: Final = 0.02
_TOKEN: Final = "bench"  # noqa: S105 —— 轻的 PAM 不核对令牌，有一个即可
_ORDERS: Final = ("stop", "deploy", "start", "verify", "log")
_BODY: Final = '{{"app":"{APP_NAME}","module":"{MODULE_NAME}","version":"{VERSION_NUMBER}"}}'.format_map(PARAMS)


def _curl(workstations: int, parallel: int, url: str, folder: Path) -> float:
    """参照物 xargs + curl 的秒数；有一次失败，xargs 的退出码就不是 0。"""
    listing = folder / "urls.txt"
    urls = (f"{url}/api/workstations/{ip}/{order}" for ip in addresses(workstations) for order in _ORDERS)
    listing.write_text("\n".join(urls), encoding="utf-8")
    curl = ["curl", "-q", "--silent", "--fail", "--noproxy", "*", "--output", "/dev/null"]
    post = ["--header", "Content-Type: application/json", "--data", _BODY]
    with listing.open() as file:
        return child.run(["xargs", "-P", str(parallel), "-n", "1", *curl, *post], cwd=folder, stdin=file).wall


def _ours(strategy: str, workstations: int, parallel: int, env: Mapping[str, str]) -> child.Spent:
    """我们的逐台流程。"""
    with tempfile.TemporaryDirectory() as folder:
        return child.run(child.driver("rollout", strategy, workstations, parallel), cwd=Path(folder), env=env)


def measure(workstations: int, parallel: int) -> dict[str, float]:
    """量一轮：同一个 PAM，四种走法各一遍。"""
    argv = child.driver("light_pam", workstations, _SECONDS)
    with tempfile.TemporaryDirectory() as name, child.serving(argv, cwd=Path(name)) as pam:
        folder, url = Path(name), pam["url"]
        env = child.environment(PAM_TOKEN=_TOKEN, PAM_HOME_URL=url)
        node = [sys.executable, "-m", "pam_deploy_graph.mcp_node", "--node-url", url]
        loop = child.run(child.driver("bare_loop", workstations, parallel, url), cwd=folder).report
        with child.serving(node, cwd=folder, env=env) as served:
            mcp = _ours("hybrid_node_mcp", workstations, parallel, env | {"PAM_MCP_URL": served["mcp_url"]}).report
        curl = _curl(workstations, parallel, url, folder)
        scripts = _ours("script_only", workstations, parallel, env).report
    return {
        "loop": loop["wall"],
        "mcp": mcp["wall"],
        "curl": curl,
        "scripts": scripts["wall"],
        "mcp/loop": mcp["wall"] / loop["wall"],
        "scripts/curl": scripts["wall"] / curl,
        "mcp:cpu": 1000 * mcp["cpu"] / (workstations * len(_ORDERS)),
    }


def scenario(parallel: int, *, quick: bool) -> Scenario:
    """返回同时 ``parallel`` 台的场景；``quick`` 为真时台数是十分之一。"""
    workstations = 20 if quick else 200
    calls = workstations * len(_ORDERS)
    floor = calls * _SECONDS / parallel
    judged = parallel > 1
    return Scenario(
        "wire" if judged else "wire-1",
        f"线路：{workstations} 台，同时 {parallel} 台",
        f"{calls:,} 次调用，每个应答 20 毫秒，至少要 {floor:.2f} 秒；我们的两种走法都写持久的账本。",
        2 if quick else (5 if judged else 3),
        (
            Metric("loop", "参照：aiohttp 循环", "秒"),
            Metric("mcp", "经 MCP（mcp-node 在 PAM 前面）", "秒"),
            Metric("mcp/loop", "经 MCP ÷ aiohttp 循环", "倍", 2, Goal(2.2) if judged else None),
            Metric("mcp:cpu", "经 MCP：每次调用本进程的 CPU", "毫秒", 3),
            Metric("curl", f"参照：xargs -P {parallel} + curl", "秒"),
            Metric("scripts", "经脚本", "秒"),
            Metric("scripts/curl", "经脚本 ÷ xargs + curl", "倍", 2, Goal(1.25) if judged else None),
        ),
        lambda: measure(workstations, parallel),
    )
