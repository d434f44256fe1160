"""打开多机场部署的会话：读各机场的输入，备好工作台与驱动（在本机，或经服务器）。"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pam_deploy_graph.campaigns.overview import campaign_of
from pam_deploy_graph.cli.campaign_session import CampaignSession
from pam_deploy_graph.cli.desk import Desk, open_desk
from pam_deploy_graph.cli.inputs import make_request, read_control, read_params
from pam_deploy_graph.cli.options import OF_ONE_AIRPORT, settings_for
from pam_deploy_graph.cli.server_driver import open_server_driver, refuse_package
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.settling import Settling
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import normalize_params, validate_control
from pam_deploy_graph.runs.arrangement import Campaign
from pam_deploy_graph.runs.lookup import require_store
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.services import Services, Watcher
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.open_files import allow_many_files


def requests_for(
    home: Path, airports: Sequence[str], pairs: Sequence[str], file: Path | None, controls: Mapping[str, Any]
) -> dict[str, RunRequest]:
    """读选项，返回「机场 -> 它的输入」，都查过了。

    Raises:
        InvalidInputError: 参数不合规则，或给了一个机场。

    """
    params = read_params(pairs, file)
    if "AIRPORT_CODE" in params:
        raise InvalidInputError(tr("几个机场一起做，机场写在 --airports，不要给 AIRPORT_CODE"))
    return requests_of(home, settings_for(home), airports, params, read_control(controls))


def requests_of(
    home: Path, settings: Settings, airports: Sequence[str], params: Mapping[str, object], control: Mapping[str, Any]
) -> dict[str, RunRequest]:
    """返回「机场 -> 它的输入」，都查过了。

    Raises:
        InvalidInputError: 参数不合规则，或点了一个机场的工作站。

    """
    if of_one := sorted(OF_ONE_AIRPORT & control.keys()):
        raise InvalidInputError(tr("几个机场一起做，不能点名工作站（{of_one}）", of_one=tr("、").join(of_one)))
    others = {name: value for name, value in control.items() if name != "execution_strategy"}

    def request(airport: str) -> RunRequest:
        """一个机场的。"""
        given, strategy = {**params, "AIRPORT_CODE": airport}, control.get("execution_strategy")
        one = make_request(given, others, strategy=strategy, run_id=None, home=home)
        if settings.pam_server:
            refuse_package(one)
        normalize_params(one.params, one.environment)
        validate_control(one.control_params)
        return one

    return {airport: request(airport) for airport in airports}


@contextlib.contextmanager
def open_campaign(home: Path, campaign_id: str = "", *, as_json: bool = False) -> Iterator[CampaignSession]:
    """打开一个命令的会话；给了名字的，安排从账本读回。

    Raises:
        RunNotFoundError: 没有这样一次多机场部署。

    """
    settings = settings_for(home)
    if campaign_id and not settings.pam_server:
        require_store(settings, home, campaign_id)
    with (
        open_desk(home, plain=as_json) as desk,
        campaign_at(desk, home, settings, campaign_id, as_json=as_json) as session,
    ):
        yield session


@contextlib.contextmanager
def campaign_at(
    desk: Desk,
    home: Path,
    settings: Settings,
    campaign_id: str = "",
    *,
    as_json: bool = False,
    talking: bool = False,
) -> Iterator[CampaignSession]:
    """在一个工作台上打开会话；``as_json`` 与 ``talking`` 见 ``CampaignSession``。

    Raises:
        RunNotFoundError: 没有这样一次多机场部署。

    """
    allow_many_files()
    with _driving(home, settings, desk) as (driver, watchers):
        known = campaign_of(driver.runs, campaign_id) if campaign_id else Campaign("", ())
        yield CampaignSession(driver, watchers, desk, known, as_json, talking)


@contextlib.contextmanager
def _driving(home: Path, settings: Settings, desk: Desk) -> Iterator[tuple[Settling, list[Watcher]]]:
    """在本机推，或经服务器推；没有人在这里答各机场的问题，它们留在账本里。"""
    watchers: list[Watcher] = []
    with contextlib.ExitStack() as stack:
        if settings.pam_server:
            driver: Settling = stack.enter_context(open_server_driver(settings, desk, watchers, lambda _event: None))
        else:
            from pam_deploy_graph.graph.driver import open_driver

            services = Services(home=home, settings=settings, channel="cli", watchers=watchers)
            stack.callback(services.close)
            services.stop = desk.stop
            driver = stack.enter_context(open_driver(services, desk.ask))
        driver.ask = lambda _question: None
        yield driver, watchers
