"""提出一次部署：一句话听成什么，逐字交代，再补成一张表；预演只看，提交了才登记（contract 第 4、8 节）。"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from pam_deploy_graph.console.room import CHANNEL, Room
from pam_deploy_graph.console.visit import Visit
from pam_deploy_graph.constants import CONTROLS, DEFAULT_STRATEGY, REQUIRED_PARAMS, Kind
from pam_deploy_graph.errors import PamError, PolicyRefusedError
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import normalize_params, validate_control
from pam_deploy_graph.inventory import name_scopes
from pam_deploy_graph.llm import analyze_with_notes
from pam_deploy_graph.llm.span_account import HEARD_AS
from pam_deploy_graph.policy import Act, Asked
from pam_deploy_graph.report.plan_text import CALLED
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.handing_over import handed_by
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.rehearsal import rehearse
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.masking import mask

_CONTROLS: Final = {
    name: row for name, row in CONTROLS.items() if row.help and row.kind not in {Kind.STRATEGY, Kind.RUN_ID}
}
_MOST: Final = 2_000


@dataclass
class Asking:
    """一张表：原话、听成什么、各项的值、还要说清的、预演。"""

    text: str = ""
    spans: Sequence[Mapping[str, Any]] = ()
    intent: str = ""
    notes: Sequence[str] = ()
    values: dict[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    preview: str = ""
    problem: str = ""

    @property
    def params(self) -> dict[str, str]:
        """部署参数。"""
        return {name: value for name, value in self.values.items() if name.isupper() and value}

    @property
    def control(self) -> dict[str, str]:
        """控制参数。"""
        return {name: value for name, value in self.values.items() if name.islower() and value}


async def ask(visit: Visit) -> Response:
    """给出空的表。"""
    return await _show(visit, Asking())


async def hear(visit: Visit) -> Response:
    """听、预演，或提交。"""
    asking = Asking(visit.text("text")[:_MOST], values=_given(visit))
    try:
        if visit.text("do") == "hear":
            return await _show(visit, await asyncio.to_thread(_heard, visit.room, asking))
        actor = visit.room.actor(visit.session)
        request = await asyncio.to_thread(_request, visit.room, asking, actor)
        if visit.text("do") == "preview":
            return await _show(visit, await asyncio.to_thread(_previewed, visit.room, asking, request, actor))
        run_id = await visit.room.ask(_registered, visit.room, request)
    except PolicyRefusedError:
        raise
    except PamError as error:
        return await _show(visit, replace(asking, problem=mask(str(error))), status=400)
    visit.room.hand_over(run_id)
    return RedirectResponse(f"/runs/{run_id}", 303)


async def _show(visit: Visit, asking: Asking, *, status: int = 200) -> Response:
    """画这张表。"""
    rows = [(name, CALLED[name], "") for name in REQUIRED_PARAMS]
    rows += [(name, tr(row.help), "true" if row.kind is Kind.FLAG else row.metavar) for name, row in _CONTROLS.items()]
    return await visit.show("ask.html.j2", status=status, asking=asking, rows=rows, heard_as=HEARD_AS)


def _given(visit: Visit) -> dict[str, str]:
    """表里填了的。"""
    names = (*REQUIRED_PARAMS, *_CONTROLS, "execution_strategy")
    return {name: value[:_MOST] for name in names if (value := visit.text(name))}


def _heard(room: Room, asking: Asking) -> Asking:
    """听一句话；表里已有的是上文，这一句说到的压过它。"""
    found, notes = analyze_with_notes(room.services.llm_client, mask(asking.text), asking.params)
    params = found["params"]
    said = {**params["extracted_params"], **params["control_params"]}
    values = asking.values | {name: _written(value) for name, value in said.items()}
    unclear = [name for name in params["missing_params"] if not values.get(name) or name in _CONTROLS]
    return replace(asking, spans=found["spans"], intent=found["intent"], notes=notes, values=values, missing=unclear)


def _written(value: Any) -> str:
    """一个值写进表里的样子。"""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is True else str(value)


def _request(room: Room, asking: Asking, actor: Actor) -> RunRequest:
    """要登记的输入；先问策略许不许他提出。

    Raises:
        InvalidInputError: 缺了、不合规则。
        PolicyRefusedError: 策略不许。

    """
    services = room.services
    environment = services.settings.params()
    params = normalize_params(asking.params, environment)
    control = validate_control(name_scopes(asking.control, services.inventory))
    airport, book = params["AIRPORT_CODE"], services.people
    roles = book.people[actor.person].roles_at(airport) if book and actor.person in book.people else []
    if why := services.policy.why_not(Asked(Act.REQUEST, airport, params["APP_NAME"], actor.person, roles)):
        raise PolicyRefusedError(why)
    return RunRequest(
        params=params,
        execution_strategy=str(control.pop("execution_strategy", DEFAULT_STRATEGY)),
        run_id=unused_run_id(services.ledger.exists),
        home=room.home,
        environment=environment,
        control_params=control,
        extra=handed_by(actor),
        account=actor.account,
    )


def _registered(room: Room, request: RunRequest) -> str:
    """登记；计划由推着运行的人去拟。"""
    return register(room.services.ledger, request)[0].run_id


def _previewed(room: Room, asking: Asking, request: RunRequest, actor: Actor) -> Asking:
    """拟一份计划看看：只问不改，也不登记。"""
    services = Services(home=room.home, settings=room.settings, channel=CHANNEL, given_actor=actor)
    try:
        return replace(asking, preview=str(rehearse(services, replace(request, extra={}), [])["whole"]))
    finally:
        services.close()
