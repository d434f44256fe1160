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
_LEAST: Final = child.PROJECT / "bench" / "drivers" / "least.sh"
_WHO: Final = {"agent": "智能体", "node": "mcp-node", "pam": "PAM（参照物也要它）"}
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


def _ours(strategy: str, workstations: int, parallel: int, env: Mapping[str, str]) -> dict[str, float]:
    """我们的逐台流程，返回它自己的秒表。"""
    with tempfile.TemporaryDirectory() as folder:
        return child.run(child.driver("rollout", strategy, workstations, parallel), cwd=Path(folder), env=env).report


def measure(workstations: int, parallel: int) -> dict[str, float]:
    """量一轮：同一个 PAM，几种走法各一遍。"""
    argv = child.driver("light_pam", workstations, _SECONDS)
    with tempfile.TemporaryDirectory() as name, child.serving(argv, cwd=Path(name)) as pam:
        folder, url = Path(name), pam.info["url"]
        env = child.environment(PAM_TOKEN=_TOKEN, PAM_HOME_URL=url)
        loop = child.run(child.driver("bare_loop", workstations, parallel, url), cwd=folder).report["wall"]
        mcp = _mcp(workstations, parallel, pam, env)
        curl = _curl(workstations, parallel, url, folder)
        scripts = _ours("script_only", workstations, parallel, env)["wall"]
        least = _ours("script_only", workstations, parallel, env | {"PAM_SCRIPT_ENTRY": str(_LEAST)})["wall"]
    return mcp | {
        "loop": loop,
        "curl": curl,
        "scripts": scripts,
        "least": least,
        "mcp/loop": mcp["mcp"] / loop,
        "scripts/curl": scripts / curl,
        "least/curl": least / curl,
    }


def _mcp(workstations: int, parallel: int, pam: child.Service, env: Mapping[str, str]) -> dict[str, float]:
    """经 MCP 一遍：秒数，以及三个进程各自每次调用的 CPU 毫秒数。"""
    argv = [sys.executable, "-m", "pam_deploy_graph.mcp_node", "--node-url", pam.info["url"]]
    with tempfile.TemporaryDirectory() as name, child.serving(argv, cwd=Path(name), env=env) as node:
        before = (node.cpu(), pam.cpu())
        ours = _ours("hybrid_node_mcp", workstations, parallel, {**env, "PAM_MCP_URL": node.info["mcp_url"]})
        used = (ours["cpu"], node.cpu() - before[0], pam.cpu() - before[1])
    calls = workstations * len(_ORDERS)
    return {"mcp": ours["wall"]} | {f"cpu:{who}": 1000 * cpu / calls for who, cpu in zip(_WHO, used, strict=True)}


def scenario(parallel: int, *, quick: bool) -> Scenario:
    """返回同时 ``parallel`` 台的场景；一台一台做的只用四分之一的台数，``quick`` 为真时再减到十分之一。"""
    judged = parallel > 1
    workstations = (200 if judged else 50) // (10 if quick else 1)
    calls = workstations * len(_ORDERS)
    floor = calls * _SECONDS / parallel
    return Scenario(
        "wire" if judged else "wire-1",
        f"线路：{workstations} 台，同时 {parallel} 台",
        f"{calls:,} 次调用，每个应答 20 毫秒，至少要 {floor:.2f} 秒；我们的两种走法都写持久的账本。",
        2 if quick else (5 if judged else 3),
        (
            Metric("loop", "参照：aiohttp 循环", "秒"),
            Metric("mcp", "经 MCP（mcp-node 在 PAM 前面）", "秒"),
            Metric("mcp/loop", "经 MCP ÷ aiohttp 循环", "倍", 2, Goal(2.2) if judged else None),
            *(Metric(f"cpu:{who}", f"经 MCP：每次调用的 CPU，{name}", "毫秒", 3) for who, name in _WHO.items()),
            Metric("curl", f"参照：xargs -P {parallel} + curl", "秒"),
            Metric("scripts", "经脚本", "秒"),
            Metric("least", "参照：下限，什么也不核对的脚本", "秒"),
            Metric("scripts/curl", "经脚本 ÷ xargs + curl", "倍", 2, Goal(1.25) if judged else None),
            Metric("least/curl", "下限 ÷ xargs + curl", "倍", 2),
        ),
        lambda: measure(workstations, parallel),
    )
