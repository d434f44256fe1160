"""话里说的、经服务器给的 HOME：与设置不在一处的，令牌不悄悄过去（contract 第 2 节）。

话里说的要人确认；经服务器来的一概不用：答应的就是说的那一位，令牌却是服务的。宿主自己的代码给出的照用。
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pam_deploy_graph.graph.acting import through_server
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.service_address import same_host
from pam_deploy_graph.runs.open_questions import is_sure
from pam_deploy_graph.runs.services import Services

_HOME: Final = "PAM_HOME_URL"


class SpokenHome(NamedTuple):
    """``params`` 是可以用的参数，``asked`` 是正问着人要不要用的地址，``problem`` 是要说的话。"""

    params: dict[str, str]
    asked: str = ""
    problem: str = ""


def home_to_use(services: Services, state: GraphState, params: Mapping[str, str], texts: Sequence[str]) -> SpokenHome:
    """看这次用哪个 HOME。

    Args:
        services: 部件；人确认过的地址记在它的 ``agreed_homes`` 里。
        state: 上一次的状态；``home_asked`` 是上一次问着的。
        params: 此刻知道的参数，检查过了。
        texts: 这几句话。

    """
    url, asked, before = params.get(_HOME, ""), state.get("home_asked", ""), state.get("params")
    known = str(before.get(_HOME, "")) if isinstance(before, Mapping) else ""
    spoken = bool(texts) and url.rstrip("/") != known.strip().rstrip("/")
    agreed = bool(asked) and (url == asked if spoken else any(is_sure(text) for text in texts))
    url = asked if agreed else url
    rest = {name: value for name, value in params.items() if name != _HOME}
    used = rest | ({_HOME: url} if url else {})
    if not url or not _leads_elsewhere(services, url):
        return SpokenHome(used)
    setting = services.settings.home_url()
    if through_server():
        told = tr(
            "PAM_HOME_URL {url} 没有用：与这台服务器设置的 {setting} 不在一处，服务的令牌不去那里；照设置的做",
            url=url,
            setting=setting,
        )
        return SpokenHome(rest, problem=told)
    if spoken and not agreed:
        told = tr(
            "话里说 HOME 在 {url}，设置的是 {setting}：令牌会送到 {url}。要用它就说「确认」，不用就说「用设置的」",
            url=url,
            setting=setting,
        )
        return SpokenHome(rest, asked=url, problem=told)
    if agreed:
        services.agreed_homes.add(url)
    return SpokenHome(used)


def _leads_elsewhere(services: Services, url: str) -> bool:
    """令牌会不会因这个地址去设置之外的主机；没有令牌的、后端是宿主给的、人确认过的不会。"""
    own = services.given_router is None and url not in services.agreed_homes
    return own and bool(services.settings.token()) and not same_host(url, services.settings.home_url())
