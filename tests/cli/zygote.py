"""预先载入命令行的母进程：要一个命令就分出一个进程，省去每次约一秒的导入。

分出来的是真实的进程：自己的 pid、会话、环境、目录与标准流，可以被 kill -9。与另起的解释器只差两处，
要看这两处的用例应当另起：``/proc/<pid>/cmdline`` 还是母进程的；结束时等线程、跑 atexit、写完标准流，
但不拆已载入的模块——那要把与母进程共用的八十兆内存逐页抄一遍，比命令本身还久。
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
from typing import Any

_PRELOADED = (
    "aiosqlite",
    "anyio._backends._asyncio",
    "langchain_core.tracers.run_collector",
    "langchain_core.tracers.stdout",
    "langgraph.checkpoint.sqlite.aio",
    "pam_deploy_graph.audit.bundle",
    "pam_deploy_graph.checkpoint_store.savers",
    "pam_deploy_graph.cli.answering",
    "pam_deploy_graph.cli.app",
    "pam_deploy_graph.cli.command_session",
    "pam_deploy_graph.cli.doctor_checks",
    "pam_deploy_graph.cli.inputs",
    "pam_deploy_graph.fake_runner",
    "pam_deploy_graph.graph.driver",
    "pam_deploy_graph.lab.command",
    "pam_deploy_graph.mcp_node.command",
    "pam_deploy_graph.mcp_runner.runner",
    "pam_deploy_graph.mcp_runner.server_check",
    "pam_deploy_graph.runs.language",
    "pam_deploy_graph.runs.open_questions",
    "pam_deploy_graph.runs.parts",
    "pam_deploy_graph.runs.run_table",
    "pam_deploy_graph.runs.status",
    "pam_deploy_graph.script_runner.runner",
    "pam_deploy_graph.system.own_code",
    "prompt_toolkit",
    "typer._adapters",
    "yaml",
)


_left_with: list[int] = []


def main() -> None:
    """载入各模块，然后一个请求分出一个进程；``serve`` 只在分出来的进程里返回请求。"""
    atexit.register(_leave)  # 头一个登记的，最后一个跑
    for name in _PRELOADED:
        importlib.import_module(name)
    _listen()
    if threading.active_count() != 1:
        raise RuntimeError("导入之后有了别的线程，不能再分进程")
    gc.freeze()  # 分出来的进程不必翻动这些页
    job = serve(socket.socket(fileno=int(sys.argv[1])))
    if job is None:
        return
    sys.argv = job["argv"]
    try:
        if job["argv"][0].endswith(".py"):
            runpy.run_path(job["argv"][0], run_name="__main__")
        else:
            runpy.run_module(job["argv"][0], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if isinstance(left.code, int):
            _left_with.append(left.code)
        raise


def _listen() -> None:
    """听一句话：规则与词表这时才载入，要半秒。"""
    from pam_deploy_graph.llm import RuleBasedLlmClient, analyze_text

    analyze_text(RuleBasedLlmClient(), "把 PEK 的 checkin/gate 升级到 1.2.3")


def _leave() -> None:
    """以退出码离开的命令就此结束；标准流写不完的，照解释器的常规去说。"""
    if _left_with:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_left_with[0])


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """收请求，直到对方关闭；在分出来的进程里返回它的请求。"""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, fds, _flags, _address = socket.recv_fds(requests, 1_000_000, 4)
        if not data:
            return None
        if os.fork() == 0:
            requests.close()
            return _watched(json.loads(data), fds)
        for fd in fds:
            os.close(fd)


def _watched(job: dict[str, Any], fds: list[int]) -> dict[str, Any]:
    """再分一次：上面一个等结果、报告结果，下面一个返回去做事。"""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _become(job, fds)
        return job
    for fd in fds[:3]:
        os.close(fd)
    os.write(fds[3], f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(fds[3], f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(job: dict[str, Any], fds: list[int]) -> None:
    """换上请求给的会话、标准流、环境与目录。"""
    os.setsid()
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])


if __name__ == "__main__":
    main()
