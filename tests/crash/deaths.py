"""让一次运行一路死、一路恢复，最后核对没有重复、没有遗漏。"""

import json
import signal
from collections.abc import Sequence
from typing import Any

from pam_deploy_graph.constants import ACTIONS
from tests.cli.program import ROOT, Done
from tests.cli.site import BEFORE, Site

KILLED = -signal.SIGKILL
BY_KEY = [name for name, spec in ACTIONS.items() if spec.needs_intent]
"""重复做不安全的动作。"""


class Deaths:
    """一次运行的历次死亡；第一台成功，第二台验证总不通过、批准回滚。"""

    def __init__(self, site: Site, **control: Any) -> None:
        """领两台工作站，给第二台打开故障。"""
        self.site, self._control = site, control
        self.good, self.bad = site.take(2)
        site.lab.add_fault(f"{self.bad}:verify:fail")
        self._begun = False

    def live(self, point: str = "", number: int = 0, *, says: str = "") -> Done:
        """开始或继续，直到死在指定的点或结束；``number`` 为 0 是不死；``says`` 给出时是对它说一句话。"""
        site = self.site
        order = {"home": str(site.pam.home), "run_id": site.run_id, "point": point, "number": number}
        order |= {
            "params": site.params(),
            "ips": site.ips,
            "control": self._control,
            "resume": self._begun,
            "says": says,
        }
        done = site.pam.job([str(ROOT / "tests" / "crash" / "mortal.py"), json.dumps(order)]).wait()
        self._begun = self._begun or bool(site.pam("runs", "--json").json())
        return done

    def finish(self) -> None:
        """用命令行恢复到结束，然后核对。"""
        done = self.site.resume()
        while done.code == 10:
            assert self.site.confirm("approve").code == 0
            done = self.site.resume()
        assert done.code == 11, done.err
        self.check()

    def check(self) -> None:
        """没有重复、没有遗漏。"""
        check_truth(self.site, [self.good], self.bad)


def check_truth(site: Site, good: Sequence[str], bad: str) -> None:
    """每个效果恰好一次，每台都在应在的版本上，报告与之相符。"""
    assert {ip: site.real(ip) for ip in good} == dict.fromkeys(good, (True, site.version))
    assert site.real(bad) == (True, BEFORE)
    steps: list[tuple[str, str | None]] = [
        (action, ip) for ip in site.ips for action in ("stop-ip", "deploy-ip", "start-ip")
    ]
    steps += [("rollback-ip", bad), ("upload-package", None), ("publish-version", None), ("sync-node", None)]
    assert sorted(site.effects(), key=str) == sorted(steps, key=str)
    ips = site.report()["ips"]
    found = {ip: (ips[ip]["status"], ips[ip]["version_after"]) for ip in good}
    assert found == dict.fromkeys(good, ("SUCCESS", site.version))
    assert (ips[bad]["status"], ips[bad]["rollback"]) == ("FAILED", "ROLLBACK_DONE")
