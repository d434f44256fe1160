"""试接自己的脚本入口或 MCP 服务：只问不改的动作逐个做一遍，缺什么键、怎么失败都写出来。"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pam_deploy_graph.cli.doctor_checks import Check, trial_state
from pam_deploy_graph.cli.inputs import read_strategy
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.flows.backend_check import probe
from pam_deploy_graph.inputs.addresses import canonical_ip
from pam_deploy_graph.inputs.parameters import normalize_params
from pam_deploy_graph.models import ActionResult
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.safe_text import printable

_SHOWN: Final = 60


def try_on(given: Mapping[str, object], strategy: str | None, ip: str, home: Path) -> list[Check]:
    """做一遍。

    Args:
        given: 部署参数；版本号写工作站此刻的版本，验证才会通过。
        strategy: 执行策略；``None`` 用默认的。
        ip: 拿哪台工作站问；空串就不问工作站。
        home: 工作目录，它的 ``.env`` 也许算数。

    Returns:
        每个动作一项检查。

    Raises:
        InvalidInputError: 参数、策略或地址不合规则。

    """
    settings = settings_for(home)
    params = normalize_params(given, settings.params())
    settings.check_token_travel(params["PAM_HOME_URL"])
    chosen = read_strategy(strategy)
    with tempfile.TemporaryDirectory() as folder:
        services = Services(home=Path(folder), settings=settings)
        state = trial_state(params, chosen, services.home)
        try:
            return [_check(result) for result in probe(services.router, state, canonical_ip(ip) if ip else "")]
        finally:
            services.close()


def _check(result: ActionResult) -> Check:
    """一个动作的结果写成一项检查。"""
    spec = ACTIONS[result.action]
    keys = [key for key in (*spec.gives, *spec.may_give) if key in result.values]
    detail = "，".join(f"{key}={_short(result.values[key])}" for key in keys) if result.ok else result.error_summary
    return Check(f"{result.action}（{result.backend}）", ok=result.ok, detail=printable(detail))


def _short(value: object) -> str:
    """一个值；很长的只写开头。"""
    text = f"{len(value)} 个" if isinstance(value, list) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
