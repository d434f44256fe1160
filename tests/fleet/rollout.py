"""大机群试验的台架：一条命令、一次推出的参数、报告与试验场的核对。"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pam_deploy_graph.lab.launcher import LabProcess


class Fleet:
    """对着一个试验场的命令行；``home`` 是工作目录。"""

    def __init__(self, lab: LabProcess, version: str, home: Path, env: Mapping[str, str]) -> None:
        """``version`` 是要推的版本。"""
        self.lab, self.version, self._home = lab, version, home
        self._env = {**env, "PAM_TOKEN": lab.token}

    def argv(self, *args: str) -> list[str]:
        """一条命令。"""
        return [sys.executable, "-m", "pam_deploy_graph", *args, "--home", str(self._home)]

    def start(self, run_id: str, *pace: str) -> subprocess.Popen[bytes]:
        """开始推出，事先批准计划。"""
        params = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate"}
        params |= {"VERSION_NUMBER": self.version, "PAM_HOME_URL": self.lab.home_url}
        pairs = [part for name, value in params.items() for part in ("--param", f"{name}={value}")]
        argv = self.argv("run", *pairs, *pace, "--run-id", run_id, "--yes")
        return subprocess.Popen(argv, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def code(self, *args: str) -> int:
        """运行一条命令，返回退出码。"""
        return subprocess.run(self.argv(*args), check=False, env=self._env, capture_output=True).returncode

    def ask(self, *args: str) -> Any:
        """运行一条命令，返回它的 JSON。"""
        done = subprocess.run(self.argv(*args), check=True, env=self._env, capture_output=True, text=True)
        return json.loads(done.stdout)

    def report(self, run_id: str) -> dict[str, Any]:
        """一次运行的 JSON 报告。"""
        found: dict[str, Any] = self.ask("report", run_id, "--format", "json")
        return found

    def finish(self, run_id: str) -> int:
        """继续，凡问都同意回滚，直到结束；返回退出码。"""
        while (code := self.code("resume", run_id)) == 10:
            assert self.code("confirm", run_id, "--approve") == 0
        return code

    def agrees(self, report: Mapping[str, Any]) -> None:
        """报告说在新版本上的，与试验场里的逐台相同；每个键只有一个效果。"""
        real = {row["ip"] for row in self.lab.workstations() if row["version"] == self.version}
        said = {ip for ip, row in report["ips"].items() if row["version_after"] == self.version}
        waiting = {ip for ip, row in report["ips"].items() if row["rollback"] == "PENDING_AGENT_CONFIRMATION"}
        assert real - waiting == said - waiting
        keys = Counter(row["key"] for row in self.lab.journal())
        assert {key: count for key, count in keys.items() if count > 1} == {}
