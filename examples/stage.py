"""各例共用的舞台：一个试验场，一个小安装包，10.0.0.2 的校验会失败。"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.settings import Settings

FAILING: Final = "10.0.0.2"
CONTROL: Final = {"execution_strategy": "script_only"}
REQUEST: Final = "用脚本方式把首都机场的 gate 模块升级到 2.0.0"
"""没有说是哪个应用，所以会问。"""


@dataclass(frozen=True, slots=True)
class Stage:
    """搭好的舞台；``home`` 是 ``runtime/`` 与 ``logs/`` 所在的目录。"""

    lab: LabProcess
    home: Path

    @property
    def settings(self) -> Settings:
        """指向试验场的设置。"""
        return Settings(pam_home_url=self.lab.home_url, pam_token=SecretStr(self.lab.token))

    @property
    def env(self) -> dict[str, str]:
        """同样的设置，写成环境变量。"""
        return {"PAM_HOME_URL": self.lab.home_url, "PAM_TOKEN": self.lab.token}

    @property
    def params(self) -> dict[str, str]:
        """齐全的部署参数。"""
        names = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "2.0.0"}
        return names | {"PACKAGE_PATH": str(self.home / "gate.pkg")}

    @property
    def input(self) -> dict[str, Any]:
        """图的输入：参数现成，不必再问。"""
        return {"params": self.params, "control": dict(CONTROL)}

    @property
    def replies(self) -> dict[str, Any]:
        """每种问题怎样答：补参数，批准计划，同意回滚。"""
        missing = {name: self.params[name] for name in ("APP_NAME", "PACKAGE_PATH")}
        return {"provide_params": missing, "approve_plan": "approve", "rollback-ip": "approve"}

    def rollbacks(self) -> list[str]:
        """试验场里真的回滚过的工作站。"""
        return [row["ip"] for row in self.lab.journal() if row["action"] == "rollback-ip"]

    def versions(self) -> dict[str, str]:
        """每台工作站真实的版本。"""
        return {row["ip"]: row["version"] for row in self.lab.workstations()}


@contextmanager
def open_stage(workstations: int = 3) -> Iterator[Stage]:
    """搭起舞台，离开时全部拆掉。"""
    with (
        tempfile.TemporaryDirectory(prefix="pam-example-") as folder,
        LabProcess(workstations=workstations, faults=[f"{FAILING}:verify:fail"]) as lab,
    ):
        home = Path(folder).resolve()
        (home / "gate.pkg").write_bytes(b"gate 2.0.0\n" * 100)
        yield Stage(lab, home)
