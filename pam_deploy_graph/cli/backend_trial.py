"""试接自己的脚本入口或 MCP 服务：只问不改的动作逐个做一遍，缺什么键、怎么失败都写出来。"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.cli.check_list import CREDENTIAL, HOME, MCP, Check, cause_among
from pam_deploy_graph.cli.doctor_checks import trial_state
from pam_deploy_graph.cli.inputs import read_strategy
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.constants import ACTIONS, Backend, ScriptExit
from pam_deploy_graph.flows.backend_check import probe
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import canonical_ip
from pam_deploy_graph.inputs.parameters import normalize_params
from pam_deploy_graph.models import ActionResult
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.safe_text import printable

_SHOWN: Final = 60
_UNASKED: Final = (ScriptExit.USAGE, ScriptExit.CONFIG, ScriptExit.UNAUTHORISED, ScriptExit.NOT_TAKEN)
"""没有问成：不知道往哪里问、没有令牌、没有送到。"""


def try_on(
    given: Mapping[str, object], strategy: str | None, ip: str, home: Path, known: Sequence[Check]
) -> list[Check]:
    """做一遍。

    Args:
        given: 部署参数；版本号写工作站此刻的版本，验证才会通过。
        strategy: 执行策略；``None`` 用默认的。
        ip: 拿哪台工作站问；空串就不问工作站。
        home: 工作目录，它的 ``.env`` 也许算数。
        known: 已经查过的各项；因它们没有问成的，不算另一个毛病。

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
            results = probe(services.router, state, canonical_ip(ip) if ip else "")
            return list(_checks(results, known))
        finally:
            services.close()


def _checks(results: Iterable[ActionResult], known: Sequence[Check]) -> Iterator[Check]:
    """每个动作一项。

    没有送到、没有授权的，因前面先不行的那一项：查过的，或头一个这样的动作（HOME 说 NODE 在哪里，所以也管着 NODE 的）。
    对方真的答了而不合契约的，各是各的毛病。
    """
    cause = cause_among(known, "bash", "curl", tr("证书"), tr("脚本入口"), tr(CREDENTIAL), HOME)
    for result in results:
        mcp = cause_among(known, tr(MCP)) if result.backend == Backend.MCP else ""
        unasked = result.exit_code in _UNASKED
        check = _check(result, because=(cause or mcp) if unasked and not result.ok else "")
        cause = cause or (check.name if check.fatal and unasked else "")
        yield check


def _check(result: ActionResult, because: str) -> Check:
    """一个动作的结果写成一项检查。"""
    spec = ACTIONS[result.action]
    keys = [key for key in (*spec.gives, *spec.may_give) if key in result.values]
    detail = tr("，").join(f"{key}={_short(result.values[key])}" for key in keys) if result.ok else result.error_summary
    return Check(
        tr("{action}（{backend}）", action=result.action, backend=result.backend),
        ok=result.ok,
        detail=printable(detail),
        because=because,
    )


def _short(value: object) -> str:
    """一个值；很长的只写开头。"""
    text = tr("{n} 个", n=len(value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
