"""崩溃试验的司机：在许多个时刻 kill -9 自己，再由新进程接着做，逐行报告结果。

用法：``python crash_driver.py 目录 恢复方式 起点 步长``，起点是负数就从末尾数起。先完整做一次，数出共有几个时刻；
然后对选中的每个时刻分出一个子进程，到那一刻被 SIGKILL，再分出新的子进程恢复到底。
时刻有四种：效果之前、效果之后、写账本之前、写账本之后。
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.ledger import writer
from pam_deploy_graph.models import ActionResult, AgentState

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}
GOOD, BAD = "10.0.0.1", "10.0.0.2"
JOURNAL, CHECKPOINT, ENTRY = Path("effects.txt"), Path("ckpt.json"), Path("home.sh")
HOME_SCRIPT = """#!/bin/bash
while [[ $# -gt 0 ]]; do
    case $1 in
        check-home) echo HOME_VERSION=1 ;;
        upload-package) echo HASH_CODE=abc ;;
        get-node-url) echo NODE_URL=http://node ;;
        publish-version) publish=1; echo PUBLISH_ID=7 ;;
        --idempotency-key) key=$2 ;;
    esac
    shift
done
if [[ ${publish:-} ]] && ! grep -qxF -- "$key" effects.txt 2>/dev/null; then
    printf '%s\\n' "$key" >>effects.txt
fi
"""


class Clock:
    """数时刻；到了要命的那一刻就 kill -9 自己。"""

    def __init__(self, deadly: int) -> None:
        """``deadly`` 为 0 表示不死。"""
        self.deadly, self.now = deadly, 0

    def tick(self) -> None:
        """过了一个时刻。"""
        self.now += 1
        if self.now == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


class World:
    """NODE 一侧：效果一行一行追加到文件并落盘，不按幂等键去重，重做就看得见。"""

    def __init__(self, clock: Clock) -> None:
        """收下时钟。"""
        self._clock = clock

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """做一个动作；会改变工作站的记一行效果。"""
        ip, key = kwargs.get("ip"), kwargs.get("idempotency_key")
        if ip and key:
            self._clock.tick()
            with JOURNAL.open("a", encoding="utf-8") as file:
                file.write(f"{key}\n")
                file.flush()
                os.fsync(file.fileno())
            self._clock.tick()
        return ActionResult(True, action, "mcp", self._answer(state, action, ip))

    def _answer(self, state: AgentState, action: str, ip: str | None) -> dict[str, Any]:
        """照文件里的事实回答。"""
        keys = [key for key in effects() if key.split(":")[1] == ip]
        values = {
            "MESSAGE": action,
            "SUCCESS": "false" if (action, ip) == ("verify-ip", BAD) else "true",
            "VERSION": state.params["VERSION_NUMBER"],
            "LOG_FILE": f"{ip}.log",
            "LAST_KEY": keys[-1] if keys else "",
            "ONLINE": "true",
            "RUNNING": "true",
            "HASH_CODE": "abc",
            "IP": [GOOD, BAD],
            "AIRPORT_CODE": "PEK",
        }
        return {key: values.get(key, action) for key in ACTIONS[action].gives}


def effects() -> list[str]:
    """真的发生过的效果（幂等键），按先后。"""
    return JOURNAL.read_text(encoding="utf-8").splitlines() if JOURNAL.exists() else []


def watch_commits(clock: Clock) -> None:
    """写账本之前与之后各算一个时刻。"""
    commit = writer.LedgerWriter._commit

    def watched(self: writer.LedgerWriter, *args: Any) -> None:
        """前后各数一下。"""
        clock.tick()
        commit(self, *args)
        clock.tick()

    writer.LedgerWriter._commit = watched  # type: ignore[method-assign,assignment]  # 只在崩溃试验里插桩


def drive(how: str, deadly: int) -> int:
    """开始或恢复，做到底；问到就同意回滚。返回共过了几个时刻。"""
    clock = Clock(deadly)
    watch_commits(clock)
    agent = PamDeployAgent(mcp_runner=World(clock))
    if how == "checkpoint" and CHECKPOINT.exists():
        state = load_checkpoint(CHECKPOINT)
    else:
        state = agent.create_state(params=PARAMS, run_id="r1", script_entry=str(ENTRY), checkpoint_path=CHECKPOINT)
    agent.run_deploy_flow(state)
    while state.pending_confirmation:
        agent.confirm_pending(state, approved=True)
        agent.run_deploy_flow(state)
    ips = {ip: [w["status"], w["rollback_status"]] for ip, w in state.ip_states.items()}
    Path("result.json").write_text(json.dumps(ips), encoding="utf-8")
    return clock.now


def in_child(work: Callable[[], int]) -> int:
    """在子进程里做；返回它的结果，被 SIGKILL 时为 -9。"""
    reader, sender = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(sender, str(work()).encode())
        except Exception as error:  # noqa: BLE001 —— 子进程的错误要原样报告给试验
            os.write(sender, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(sender)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    if os.WIFSIGNALED(status):
        return -os.WTERMSIG(status)
    if not said.isdigit():
        raise RuntimeError(said)
    return int(said)


def trial(folder: Path, how: str, deaths: tuple[int, ...]) -> dict[str, Any]:
    """在一个新目录里死 ``deaths`` 那么几次，再恢复到底。"""
    folder.mkdir()
    os.chdir(folder)
    ENTRY.write_text(HOME_SCRIPT, encoding="utf-8")
    died = [in_child(lambda deadly=deadly: drive(how, deadly)) for deadly in deaths]  # type: ignore[misc]  # 默认参数
    problem, ticks = "", 0
    try:
        ticks = in_child(lambda: drive(how, 0))
    except RuntimeError as error:
        problem = str(error)
    ips = json.loads(Path("result.json").read_text(encoding="utf-8")) if not problem else {}
    return {"deaths": deaths, "died": died, "ticks": ticks, "effects": effects(), "ips": ips, "problem": problem}


def tell(result: dict[str, Any]) -> None:
    """把一次试验的结果写成一行。"""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main() -> None:
    """先完整做一次，再逐个时刻试验。"""
    root, how, first, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    whole = trial(root / "whole", how, ())
    tell(whole)
    moments = range(1, whole["ticks"] + 1)
    for moment in moments[first if first < 0 else first - 1 :: step]:
        tell(trial(root / f"at{moment}", how, (moment,)))
        tell(trial(root / f"twice{moment}", how, (moment, moment % 5 + 1)))


if __name__ == "__main__":
    main()
