"""一个用例的部署现场：自己的运行名、版本、安装包和工作站，互不相扰。"""

from collections.abc import Callable
from typing import Any

from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import Done, Job, Pam

BEFORE = "1.2.2"


class Site:
    """共用试验场上的一块地；``run_id`` 与 ``version`` 只属于这个用例。"""

    def __init__(self, pam: Pam, lab: LabProcess, take: Callable[[int], list[str]], number: int) -> None:
        """安装包写在用例的目录里，内容各不相同。"""
        self.pam, self.lab, self._take = pam, lab, take
        self.run_id, self.version = f"case-{number}", f"2.0.{number}"
        self.package = pam.folder / f"gate-{number}.pkg"
        self.package.write_bytes(f"release {self.version}\n".encode() * 50)
        self.ips: list[str] = []
        self._code: list[str] = []

    def params(self, **changed: str) -> dict[str, str]:
        """这次部署的参数；空串表示去掉那一个。"""
        params = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": self.version}
        params |= {"PACKAGE_PATH": str(self.package), **changed}
        return {name: value for name, value in params.items() if value}

    def take(self, number: int) -> list[str]:
        """领几台工作站作为这次的目标。"""
        self.ips = self._take(number)
        return self.ips

    def argv(self, *options: object, **params: str) -> list[str]:
        """``run`` 命令的参数；没有另给目标就是领过的工作站，没有领过就不限。"""
        pairs = [part for name, value in self.params(**params).items() for part in ("--param", f"{name}={value}")]
        given = [str(option) for option in options]
        targets = ["--targets", ",".join(self.ips)] if self.ips and "--targets" not in given else []
        named = [] if "--run-id" in given else ["--run-id", self.run_id]
        strategy = [] if "--strategy" in given else ["--strategy", "script_only"]
        return ["run", *pairs, *targets, *named, *strategy, *given]

    def run(self, *options: object, env: dict[str, str] | None = None, **params: str) -> Done:
        """推出并等它结束。"""
        return self.pam(*self.argv(*options, **params), env=env)

    def start(self, *options: object, **params: str) -> Job:
        """开始推出。"""
        return self.pam.start(*self.argv(*options, **params))

    def resume(self, *options: object) -> Done:
        """继续这次运行。"""
        return self.pam("resume", self.run_id, *options)

    def confirm(self, decision: str, *options: object) -> Done:
        """记下决定；批准计划的带上此刻给人看的摘要。"""
        return self.pam("confirm", self.run_id, f"--{decision}", *self.code(decision), *options)

    def code(self, decision: str = "approve") -> list[str]:
        """``--digest`` 与等着批准的计划的摘要；等的不是计划就没有。"""
        waiting = self.status()["waiting"] if decision == "approve" else []
        if waiting:
            self._code = ["--digest", waiting[0]["digest"][:12]] if waiting[0]["subject"] == "plan" else []
        return self._code if decision == "approve" else []

    def report(self) -> dict[str, Any]:
        """JSON 报告。"""
        found: dict[str, Any] = self.pam("report", self.run_id, "--format", "json").json()
        return found

    def status(self) -> dict[str, Any]:
        """JSON 处境。"""
        found: dict[str, Any] = self.pam("status", self.run_id, "--json").json()
        return found

    def effects(self) -> list[tuple[str, str | None]]:
        """这次运行真的造成的每个效果：``(动作, 工作站)``，按先后；同一个键出现两次就报错。"""
        rows = [row for row in self.lab.journal() if row["key"].startswith(f"{self.run_id}.")]
        keys = [row["key"] for row in rows]
        assert len(keys) == len(set(keys)), f"有的效果发生了两次：{keys}"
        return [(row["action"], row["ip"]) for row in rows]

    def count(self, action: str, ip: str | None = None) -> int:
        """一个动作（在一台工作站上）真的发生了几次。"""
        assert action in ACTIONS
        return self.effects().count((action, ip))

    def real(self, ip: str) -> tuple[bool, str]:
        """一台工作站真实的 (运行, 版本)。"""
        row = next(row for row in self.lab.workstations() if row["ip"] == ip)
        return row["running"], row["version"]

    def all_right(self) -> None:
        """每台目标都在新版本上运行，每个效果恰好一次。"""
        assert {ip: self.real(ip) for ip in self.ips} == dict.fromkeys(self.ips, (True, self.version))
        once = [(action, ip) for ip in self.ips for action in ("stop-ip", "deploy-ip", "start-ip")]
        assert sorted(effect for effect in self.effects() if effect[1]) == sorted(once)
