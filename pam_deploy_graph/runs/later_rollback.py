"""结束之后再退回：找出哪次运行、每台退回哪一版，登记成自己的一次运行（contract 第 3 节）。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import ConfirmationError, GlobalStepError, PolicyRefusedError
from pam_deploy_graph.flows.rollback_plan import request_recall
from pam_deploy_graph.flows.service_state import version_before
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, touched
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.deciding import refuse_request
from pam_deploy_graph.runs.lookup import runs_named
from pam_deploy_graph.runs.registering_again import register_again
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.services import Services

_CARRIED: Final = ("max_parallel",)
"""退回时照用的规则。"""


@dataclass(frozen=True, slots=True)
class Recall:
    """要退回的：``of_run`` 是哪次运行，``owner`` 是它的键的主人，``to_versions`` 是每台在它动手之前的版本。"""

    of_run: str
    owner: str
    to_versions: Mapping[str, str]


def run_to_recall(ledger: Ledger, text: str, preferred: str, asked: Sequence[str]) -> str:
    """找出要退回的是哪次运行：话里点了名的，其次这个会话的，再次最近的；对这些工作站都要动过手，只看过、跳过的不算。

    Raises:
        ConfirmationError: 没说是哪几台，或没有哪次运行部署过它们。

    """
    if not asked:
        raise ConfirmationError(tr("请说明要退回哪几台（地址、范围或名称），例如：把 10.0.0.5-7 退回上一个版本"))
    names = [run.run_id for run in ledger.list_runs()]
    named = runs_named(ledger.exists, text)
    for run_id in named or sorted(names, key=lambda name: name != preferred):
        state = ledger.load_state(run_id, keep_events=False)
        if all(touched(state, ip) for ip in asked):
            return run_id
    where = tr("运行 {named} 没有", named=named[0]) if named else tr("没有哪次运行")
    raise ConfirmationError(tr("{where}动过 {asked}；用 runs 查看已有的运行", where=where, asked=tr("、").join(asked)))


def recall_of(state: AgentState, asked: Sequence[str], version: str) -> Recall:
    """算出每台退回哪一版：那次运行动手之前读到的。

    Args:
        state: 要退回的那次运行。
        asked: 哪几台。
        version: 话里点了名的版本；没有为空串。

    Raises:
        ConfirmationError: 没有可退的，版本不一致，或点名的是另一个版本；说明怎么办。

    """
    before = {ip: version_before(state.ip_states[ip]) for ip in asked}
    if lost := [ip for ip, one in before.items() if not one]:
        why = tr("读到版本") if before[lost[0]] is None else tr("装着它")
        raise ConfirmationError(
            tr(
                "运行 {run_id} 动手之前，{lost} 上没有{why}，没有可退回的",
                run_id=state.run_id,
                lost=tr("、").join(lost),
                why=why,
            )
        )
    found = {ip: one for ip, one in before.items() if one}
    told = tr("、").join(tr("{ip} 是 {one}", ip=ip, one=one) for ip, one in found.items())
    if version and set(found.values()) != {version}:
        raise ConfirmationError(
            tr(
                "运行 {run_id} 动手之前，{told}，你说的是 {version}。要退回原来的，"
                "就不说版本再说一遍；要装 {version}，请说部署到 {version}",
                run_id=state.run_id,
                told=told,
                version=version,
            )
        )
    if len(set(found.values())) > 1:
        raise ConfirmationError(
            tr("运行 {run_id} 动手之前，{told}，不是同一版；请按版本分开说", run_id=state.run_id, told=told)
        )
    owner = f"{state.run_id}.{state.nonce}" if state.nonce else state.run_id
    return Recall(state.run_id, owner, found)


def open_recall(services: Services, old: AgentState, recall: Recall, run_id: str) -> str:
    """登记退回的这一次运行，返回它的名字；``run_id`` 还没有人用就用它，登记过同一件事而没有做完的接着用。

    Raises:
        InvalidInputError: 输入不合规则。

    """
    taken = services.ledger.exists
    if run_id and taken(run_id) and _same(services.ledger, run_id, recall):
        return run_id
    name = unused_run_id(taken) if not run_id or taken(run_id) else run_id
    params = old.params | {"VERSION_NUMBER": next(iter(recall.to_versions.values())), "PACKAGE_PATH": ""}
    control = {rule: old.control_params[rule] for rule in _CARRIED if rule in old.control_params}
    request = RunRequest(
        params={key: value for key, value in params.items() if value},
        execution_strategy=old.execution_strategy,
        run_id=name,
        home=services.home,
        environment=services.settings.params(),
        control_params=control,
        target_ips=list(recall.to_versions),
        extra={"rollback_of": recall.of_run},
    )
    register_again(services, request)
    return name


def _same(ledger: Ledger, run_id: str, recall: Recall) -> bool:
    """这个名字登记的就是这一件退回，还没有了结：登记之后被杀，又从头来的。"""
    record = ledger.get_run(run_id)
    given = record.input.get("rollback_of"), record.input["requested_ips"]
    return record.exit_code is None and given == (recall.of_run, list(recall.to_versions))


def propose_recall(services: Services, run_id: str, actor: Actor) -> AgentState:
    """把登记过的退回提出来：拟出计划，等人批准；已经提出的不再提，登记之后被杀的从这里接着来。

    Args:
        services: 部件。
        run_id: 登记过的退回。
        actor: 谁提出的。

    Raises:
        PolicyRefusedError: 策略不许他提出；这次运行就此结束。
        GlobalStepError: 批准之前的检查不过；这次运行就此结束，什么也没有改变。

    """
    state = services.state_of(run_id)
    if state.rollback_of:
        return state
    given = services.ledger.get_run(run_id).input
    recall = recall_of(services.state_of(given["rollback_of"]), given["requested_ips"], "")
    try:
        refuse_request(services.site(), state, actor)
        asked = request_recall(recall.of_run, recall.owner, recall.to_versions, actor.person)
        return services.drive(run_id, asked)
    except (GlobalStepError, PolicyRefusedError) as error:
        services.finish(run_id, ExitCode.STOPPED, str(error))
        raise


def recall_plan(state: AgentState) -> dict[str, Any]:
    """退回的计划，写成要人批准的样子。"""
    summary = state.plan_text.partition("\n")[0]
    shown = {"summary": summary, "text": state.plan_text, "stage": state.plan_stage}
    return {"run_id": state.run_id, "digest": state.plan_digest} | shown
