"""演示的内容：在试验场上走完一次真实的部署，并核对试验场里的真相。"""

import io
import tarfile
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

from pydantic import SecretStr

from pam_deploy_graph.cli.command_session import open_session
from pam_deploy_graph.cli.desk import Desk, open_desk
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.cli.progress import emit
from pam_deploy_graph.constants import DEFAULT_STRATEGY, ExitCode
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.system.private_files import write_private

_FAILING: Final = "10.0.0.4"
_APP: Final = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate"}


def rehearse(home: Path, lab_state: Path | None, *, yes: bool, as_json: bool = False) -> ExitCode:
    """走完一次演示。

    Args:
        home: ``runtime/`` 与 ``logs/`` 所在的目录。
        lab_state: 试验场的状态目录；``None`` 为用完即弃。
        yes: 凡问皆同意。
        as_json: 数据逐行写成 JSON，最后一行是核对的结果。

    Returns:
        一切如演示所愿为 0；没有人回答为 10；计划被否决、被人停下为 12；否则为 1。

    """
    with open_desk(home, plain=as_json) as desk:
        return _rehearse(desk, home, lab_state, yes=yes, as_json=as_json)


def _rehearse(desk: Desk, home: Path, lab_state: Path | None, *, yes: bool, as_json: bool) -> ExitCode:
    """同上，工作台已经备好。"""
    desk.say(tr("正在开试验场：一个 PAM_HOME，一个 PAM_NODE，8 台工作站……"))
    with LabProcess(state=lab_state, faults=[f"{_FAILING}:verify:fail"]) as lab:
        version = _next_version(lab.workstations())
        package = home / "runtime" / f"demo_checkin_gate_{version}.tar"
        write_private(package, package_of(version))
        desk.say(
            tr(
                "试验场在 {home_url}；把 checkin/gate 升级到 {version}，其中 {failing} 会验证失败",
                home_url=lab.home_url,
                version=version,
                failing=_FAILING,
            )
        )
        settings = settings_for(home, pam_home_url=lab.home_url, pam_token=SecretStr(lab.token), pam_server="")
        params = {
            **_APP,
            "VERSION_NUMBER": version,
            "PACKAGE_PATH": str(package.absolute()),
            "PAM_HOME_URL": lab.home_url,
        }
        with open_session(home, desk, as_json=as_json, yes=yes, settings=settings) as session:
            request = RunRequest(params=params, execution_strategy=str(DEFAULT_STRATEGY), home=home)
            run_id = session.driver.register(request, yes=False)
            code = session.run(run_id, lambda: session.driver.start(run_id))
            after = session.at_home().services.state_of(run_id)
        if code is ExitCode.WAITING:
            desk.say(tr("演示没有人回答：试验场随演示关掉，这次运行不必再继续；请在终端里重新运行，或加 --yes"))
            return code
        found = _compare(after, lab.workstations(), version)
        verdict = _verdict(desk, code, found)
        if as_json:
            emit({"type": "LAB_CHECKED", "run_id": run_id, **found, "exit_code": int(verdict)})
        return verdict


def _compare(run: AgentState, workstations: list[dict[str, Any]], version: str) -> dict[str, Any]:
    """把报告与试验场里的真相对一遍：报告说更新了的、真的更新了的、仍在原来版本上运行的、没有在运行的。"""
    running = {row["ip"]: row["version"] for row in workstations if row["running"]}
    return {
        "version": version,
        "claimed": sorted(ip for ip, state in run.ip_states.items() if state["version_now"] == version),
        "updated": sorted(ip for ip, its in running.items() if its == version),
        "former": sorted(ip for ip, its in running.items() if its != version),
        "stopped": sorted(row["ip"] for row in workstations if not row["running"]),
    }


def _verdict(desk: Desk, code: ExitCode, found: dict[str, Any]) -> ExitCode:
    """演示如愿没有：恰好以「有工作站失败」结束，报告与真相一致，每台都在运行。"""
    if code is ExitCode.STOPPED:
        return code
    if code is not ExitCode.FINISHED_WITH_FAILURES:
        return ExitCode.BUG
    claimed, updated, version = found["claimed"], found["updated"], found["version"]
    if updated != claimed or found["stopped"]:
        desk.say(
            tr("报告与试验场对不上：报告说 {claimed}，试验场里是 {updated}", claimed=claimed, updated=updated), "red"
        )
        return ExitCode.BUG
    desk.say(
        tr(
            "核对过试验场：{n} 台在 {version} 上运行，{n2} 台在原来的版本上运行",
            n=len(updated),
            version=version,
            n2=len(found["former"]),
        )
    )
    return ExitCode.DONE


def _next_version(workstations: list[dict[str, Any]]) -> str:
    """比试验场里现有的都新的版本号；接着用同一个状态目录时也能再演示一次。"""
    newest = max(tuple(int(part) for part in str(row["version"]).split(".")) for row in workstations)
    return ".".join(str(part) for part in (*newest[:-1], newest[-1] + 1))


def provision(lab: LabProcess) -> str:
    """给试验场的 HOME 放进下一个版本的安装包，返回版本号。"""
    version = _next_version(lab.workstations())
    url = f"{lab.home_url}/api/packages/checkin/gate/{version}"
    headers = {"Authorization": f"Bearer {lab.token}", "Idempotency-Key": f"provision:{version}"}
    request = Request(url, data=package_of(version), headers=headers, method="PUT")  # noqa: S310  地址是自己开的试验场
    with build_opener(ProxyHandler({})).open(request, timeout=30):
        return version


def package_of(version: str) -> bytes:
    """做一个小而真的安装包；同一版本内容总是相同。"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in (("VERSION", version), ("gate/app.conf", "listen=127.0.0.1\nmode=gate\n" * 200)):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
