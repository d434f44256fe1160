"""换一个进程接着来，以及两个进程同时来；对着真的试验场（contract 第 5 节）。"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.settings import Settings
from tests.cli.program import ROOT
from tests.cli.site import BEFORE, Site

SCRIPT = str(ROOT / "tests" / "graph" / "resumer.py")
MakeSite = Callable[..., Site]


def begin(site: Site, *answers: Any, **left_out: str) -> None:
    """在本进程里以运行名为会话开始一次运行，回答几个问题，停在下一个问题上。"""
    from langgraph.types import Command

    home = site.pam.home
    settings = Settings(pam_home_url=site.lab.home_url, pam_token=site.lab.token)
    config: Any = {"configurable": {"thread_id": site.run_id}}
    control = {"execution_strategy": "script_only", "target_ips": site.ips}
    params = site.params(PAM_HOME_URL=site.lab.home_url, **left_out)
    with open_saver(home / "runtime" / "checkpoints.sqlite") as saver:
        graph = build_graph(checkpointer=saver, settings=settings, home=home)
        out = graph.invoke({"run_id": site.run_id, "params": params, "control": control}, config)
        for answer in answers:
            out = graph.invoke(Command(resume=answer), config)
    assert "__interrupt__" in out


def fresh(site: Site, answer: Any) -> Any:
    """另起一个进程回答。"""
    return site.pam.job([SCRIPT, str(site.pam.home), "0", json.dumps({site.run_id: answer})]).wait().json()[site.run_id]


def test_each_interrupt_in_a_fresh_process(make_site: MakeSite) -> None:
    """三种中断各在一个全新的进程里回答：从停下的地方接着走，做过的不重做。"""
    asking, planned, failed = (make_site(name) for name in ("asking", "planned", "failed"))
    for site in (asking, planned, failed):
        site.take(1)
    failed.lab.add_fault(f"{failed.ips[0]}:verify:fail")
    begin(asking, APP_NAME="")
    begin(planned)
    begin(failed, "approve")
    assert (fresh(asking, {"APP_NAME": "checkin"})["asked"], asking.effects()) == ("approve_plan", [])
    assert fresh(planned, "approve")["exit_code"] == 0
    planned.all_right()
    assert fresh(failed, {"decision": "approve"})["exit_code"] == 11
    assert failed.count("rollback-ip", failed.ips[0]) == 1
    assert failed.real(failed.ips[0]) == (True, BEFORE)


def test_two_resumers_at_once(make_site: MakeSite) -> None:
    """两个进程同时批准同一个回滚：回滚恰好一次，先的作数，另一个知道自己没有白等。"""
    for decisions in (("approve", "approve"), ("approve", "reject")):
        site = make_site()
        (bad,) = site.take(1)
        site.lab.add_fault(f"{bad}:verify:fail")
        site.lab.add_fault(f"{bad}:rollback:slow=0.3:1")
        begin(site, "approve")
        at = time.time() + 1.0
        jobs = [
            site.pam.job([SCRIPT, str(site.pam.home), str(at), json.dumps({site.run_id: {"decision": word}})])
            for word in decisions
        ]
        results = [job.wait() for job in jobs]
        assert site.effects().count(("rollback-ip", bad)) <= 1
        counted = {row["decision"] for row in site.report()["decisions"] if row["subject"] == bad}
        assert len(counted) == 1, results
        site.resume()
        assert site.count("rollback-ip", bad) == (counted == {"approve"})


def test_two_command_lines_at_once(make_site: MakeSite) -> None:
    """两个 resume 同时来：效果都只有一次，没做事的那个说出是谁握着（2），或给出同一个结局。"""
    site = make_site()
    good, bad = site.take(2)
    site.lab.add_fault(f"{bad}:verify:fail")
    begin(site)
    site.confirm("approve")
    codes = sorted(job.wait().code for job in [site.pam.start("resume", site.run_id) for _ in range(2)])
    assert codes in ([2, 10], [10, 10])
    assert site.real(good) == (True, site.version)
    site.confirm("approve")
    done = [job.wait() for job in [site.pam.start("resume", site.run_id) for _ in range(2)]]
    assert sorted(one.code for one in done) in ([2, 11], [11, 11]), done
    assert site.count("rollback-ip", bad) == 1
    assert site.resume().code == 11


def test_a_host_without_files(tmp_path: Path) -> None:
    """导入与编译都不建任何东西：没有文件、没有线程。"""
    code = (
        "import threading\nfrom pam_deploy_graph.graph.build import build_graph\n"
        "graph = build_graph()\nprint(threading.active_count(), sorted(graph.nodes))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    threads, names = done.stdout.split(" ", 1)
    assert threads == "1"
    for name in ("intent", "params", "plan", "global-flow", "ip-flow", "rollback-confirm"):
        assert f"'{name}'" in names
    assert list(tmp_path.iterdir()) == []
