"""报告页测试用的运行：真的图、真的账本，只有 PAM 是随包的假后端。"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.graph.driver import open_driver
from pam_deploy_graph.report.summary import report_object
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
OPERATOR, NOTE = "王伟", "已与值机柜台确认"

Answer = Callable[[Mapping[str, Any]], Any]


def approve(_question: Mapping[str, Any]) -> dict[str, str]:
    """凡问皆同意，留下名字与备注。"""
    return {"decision": "approve", "note": NOTE, "operator": OPERATOR}


def addresses(count: int) -> list[str]:
    """从 10.0.0.1 数起的地址。"""
    return [f"10.0.{n // 250}.{n % 250 + 1}" for n in range(count)]


def fake_run(
    home: Path,
    *,
    ips: Sequence[str],
    arrange: Callable[[FakeActionRunner], None] = lambda _fake: None,
    control: Mapping[str, object] | None = None,
    targets: list[str] | None = None,
    answer: Answer = approve,
) -> dict[str, Any]:
    """走完一次运行（或停在没人回答的地方），返回报告对象。

    Args:
        home: 账本与检查点放在哪里。
        ips: 在线的工作站。
        arrange: 编排哪些动作失败。
        control: 控制参数。
        targets: 要求部署的工作站；不给就是全部。
        answer: 怎么回答计划与回滚；返回 ``None`` 表示没有人答。

    """
    fake = FakeActionRunner(online_ips=list(ips))
    arrange(fake)
    services = Services(home=home, settings=Settings(), given_router=fake)
    request = RunRequest(PARAMS, "fake", run_id="r1", home=home, control_params=control or {}, target_ips=targets)
    register(services.ledger, request)
    try:
        with open_driver(services, answer) as driver:
            driver.on_answer = lambda _text: None
            driver.start("r1")
        decisions = [asdict(one) for one in services.ledger.decisions("r1")]
        return report_object(services.ledger.load_state("r1"), decisions)
    finally:
        services.close()
