"""用官方的 MCP 一致性测试试 ``mcp-node``：一个试验场，前面一个没有令牌、只听回环地址的 ``mcp-node``。

不适用的场景与理由在 ``tests/mcp_runner/conformance.yml``；它们之外有一个不过，或它们之中有一个过了，都不算通过。
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from tools.source import PROJECT

_SUITE: Final = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
_NODE: Final = "node_modules/node/bin/node"
"""测试程序要 Node.js 22；机器上的可能更旧。"""
_KNOWN: Final = PROJECT / "tests" / "mcp_runner" / "conformance.yml"


def check(folder: Path) -> int:
    """跑一遍，返回它的退出码。"""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PAM_", "OPENAI_"))}
    with LabProcess() as lab:
        # 测试程序不会出示令牌：PAM_NODE 拒绝每个动作，协议这一层照样走得完
        server = Helper(helper_command("mcp-node", "--node-url", lab.node_url()), env=env)
        try:
            argv = [folder / _NODE, folder / _SUITE, "server", "--url", server.info["mcp_url"]]
            return subprocess.run([*argv, "--expected-failures", _KNOWN], cwd=folder, env=env, check=False).returncode
        finally:
            server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """``--folder`` 是 npm 装好的目录。"""
    parser = argparse.ArgumentParser(prog="check_conformance", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    return check(parser.parse_args(argv).folder.absolute())


if __name__ == "__main__":
    sys.exit(main())
