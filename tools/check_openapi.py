"""用 Schemathesis 照 ``docs/openapi.json`` 试验场：HOME 与 NODE 各跑一遍，应答要与文档相符。

``make test-openapi`` 会把 Schemathesis 装进 ``build/schemathesis``（不入库，也不进锁文件）。
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.lab.launcher import LabProcess
from tools.source import PROJECT

_CONFIG: Final = PROJECT / "tools" / "schemathesis.toml"
_DOCUMENT: Final = PROJECT / "docs" / "openapi.json"
_CACHE: Final = PROJECT / "build" / "schemathesis"
"""在这里运行：它把失败的例子记在当前目录，不该落进仓库。"""


def run(program: Path, side: str, url: str, token: str, seed: int) -> int:
    """照文档试一侧，返回 Schemathesis 的退出码；它的输出原样显示。"""
    options = ["--include-tag", side, "--url", url, "--seed", str(seed), "--no-color", "--warnings", "off"]
    command = [str(program.absolute()), "--config-file", str(_CONFIG), "run", str(_DOCUMENT), *options]
    _CACHE.mkdir(parents=True, exist_ok=True)
    return subprocess.run(command, env={**os.environ, "PAM_TOKEN": token}, cwd=_CACHE, check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    """开一个试验场，两侧各试一遍；有一侧不符就以 1 结束。"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help="schemathesis 在哪里")
    parser.add_argument("--seed", type=int, default=1, help="随机数的种子，同一个种子试同样的请求")
    options = parser.parse_args(argv)
    with LabProcess() as lab:
        sides = {"HOME": lab.home_url, "NODE": lab.node_url()}
        codes = [run(options.program, side, url, lab.token, options.seed) for side, url in sides.items()]
    print(f"OpenAPI：{len(codes)} 侧，不符 {sum(map(bool, codes))} 侧")
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
