"""命令 ``status``、``runs``、``report``、``preview``、``analyze``：只看，不动手。"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.streams import screen_width
from pam_deploy_graph.i18n import tr

if TYPE_CHECKING:
    from pam_deploy_graph.inventory import Inventory
    from pam_deploy_graph.runs.services import Services


class ReportFormat(StrEnum):
    """报告的格式。"""

    MD = "md"
    JSON = "json"
    HTML = "html"


SOME_RUN = Annotated[str, typer.Argument(help="运行名；不给就是最近一次。", metavar="[RUN_ID]", show_default=False)]
SOME_IP = Annotated[
    str,
    typer.Argument(help="只看这一台（地址或名称）的经过。", metavar="[IP]", show_default=False),
]
WATCH = Annotated[bool, typer.Option("--watch", help="一直看着，直到它结束或按 Ctrl-C。")]
LAST = Annotated[int, typer.Option("--last", min=1, help="至多几次。", metavar="N")]
FORMAT = Annotated[ReportFormat, typer.Option("--format", help="报告的格式。")]
TEXT = Annotated[str, typer.Argument(help="操作员的原话。", metavar="TEXT")]


def status(
    run_id: SOME_RUN = "", ip: SOME_IP = "", watch: WATCH = False, home: o.Home = o.HERE, as_json: o.Json = False
) -> None:
    """一次运行走到哪里，或其中一台的经过；别的进程正在跑时也能看。"""
    from pam_deploy_graph.runs.lookup import past_runs
    from pam_deploy_graph.runs.status import render_standing, standing

    if watch and not ip:
        from pam_deploy_graph.cli.watching import watch as keep_watching

        return keep_watching(home, run_id, as_json=as_json)
    if ip:
        return _one_workstation(home, run_id, ip, as_json=as_json)
    with past_runs(o.settings_for(home), home, run_id, look=True) as services:
        found = standing(services.ledger, run_id, _names(services))
    return o.print_json(found) if as_json else typer.echo(render_standing(found))


def _one_workstation(home: Path, run_id: str, ip: str, *, as_json: bool) -> None:
    """一台的经过。"""
    from pam_deploy_graph.runs.lookup import past_runs
    from pam_deploy_graph.runs.workstation_story import render_story, story_of

    with past_runs(o.settings_for(home), home, run_id, look=True) as services:
        told = story_of(services.ledger, run_id, ip, _names(services))
    o.print_json(told) if as_json else typer.echo(render_story(told))


def runs(last: LAST = 20, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """列出最近的运行，新的在前：部署什么、谁提出的、走到哪里、在等什么。"""
    from pam_deploy_graph.errors import RunNotFoundError
    from pam_deploy_graph.runs.lookup import past_runs
    from pam_deploy_graph.runs.run_table import list_runs, render_runs

    try:
        with past_runs(o.settings_for(home), home, look=True) as services:
            rows = list_runs(services.ledger, services.policy, last)
    except RunNotFoundError:
        rows = []
    o.print_json(rows) if as_json else typer.echo(render_runs(rows, width=screen_width()))


def report(run_id: o.RunId, format_: FORMAT = ReportFormat.MD, home: o.Home = o.HERE) -> None:
    """一次运行的报告。"""
    from dataclasses import asdict

    from pam_deploy_graph.home.run_files import log_folder
    from pam_deploy_graph.ledger import read_head
    from pam_deploy_graph.report import summary as reports
    from pam_deploy_graph.runs.lookup import past_runs

    with past_runs(o.settings_for(home), home, run_id, look=True) as services:
        state = _names(services).lend_names(services.ledger.load_state(run_id))
        head = {"ledger": services.ledger.ledger_id, **read_head(services.ledger.engine, run_id)}
        decisions = [asdict(approval) for approval in services.ledger.decisions(run_id)]
    if format_ is ReportFormat.MD:
        tail = tr(
            "第 {seq} 行 {link}，第 {decisions} 个决定 {decision_link}",
            seq=head["seq"],
            link=head["link"],
            decisions=head["decisions"],
            decision_link=head["decision_link"] or "-",
        )
        typer.echo(
            tr(
                "{render_report}\n账本的链尾: {tail}",
                render_report=reports.render_report(state, decisions=decisions),
                tail=tail,
            )
        )
        return
    whole = reports.report_object(state, decisions) | {"chain_head": head}
    if format_ is ReportFormat.JSON:
        o.print_json(whole)
    else:
        typer.echo(_page(whole, home, log_folder(state)))


def preview(
    param: o.Params = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    params: o.ParamsFile = None,
    strategy: o.Strategy = None,
) -> None:
    """预演：谁做什么；什么也不执行。"""
    from pam_deploy_graph.cli.inputs import read_params, read_strategy
    from pam_deploy_graph.constants import build_action_backends
    from pam_deploy_graph.inputs.parameters import normalize_params
    from pam_deploy_graph.report.plan_text import render_preview

    chosen = read_strategy(strategy)
    known = normalize_params(read_params(param, params), o.settings_for(o.HERE).params())
    typer.echo(render_preview(known, chosen, build_action_backends(chosen)), nl=False)


def analyze(text: TEXT, as_json: o.Json = False) -> None:
    """听懂一句话：意图、参数、计划；什么也不执行。"""
    from pam_deploy_graph.llm import analyze_with_notes
    from pam_deploy_graph.runs.services import Services
    from pam_deploy_graph.system.masking import mask
    from pam_deploy_graph.system.safe_text import printable

    found, notes = analyze_with_notes(Services(settings=o.settings_for(o.HERE)).llm_client, mask(text))
    for note in notes:
        typer.echo(tr("注意: {note}", note=printable(note)), err=True)
    o.print_json(found) if as_json else typer.echo(_analysis(found))


def _page(whole: dict[str, Any], home: Path, logs: Path) -> bytes:
    """报告页；页面自称 UTF-8，因此不随终端的编码走。"""
    from pam_deploy_graph.report.html.log_excerpts import read_log_tails
    from pam_deploy_graph.report.html.page import render_html

    return render_html(whole, logs=read_log_tails(whole, home=home, folder=logs)).encode()


def _names(services: "Services") -> "Inventory":
    """显示用的名称清单；写错了的说一声，照样看，只是没有名称。"""
    from pam_deploy_graph.errors import InvalidInputError
    from pam_deploy_graph.inventory import EMPTY

    try:
        return services.inventory
    except InvalidInputError as error:
        typer.echo(tr("注意: 名称没有显示：{error}", error=error), err=True)
        return EMPTY


def _analysis(found: dict[str, Any]) -> str:
    """把分析写成几行，末了是账目：哪一段听成了什么。"""
    from pam_deploy_graph.llm.span_account import HEARD_AS
    from pam_deploy_graph.system.safe_text import printable

    params = found["params"]
    lines = [tr("意图: {intent}", intent=found["intent"]), tr("策略: {strategy}", strategy=found["strategy"])]
    lines += [f"{name}: {value}" for name, value in (params["extracted_params"] | params["control_params"]).items()]
    lines += (
        [tr("还缺: {missing_params}", missing_params=tr("、").join(params["missing_params"]))]
        if params["missing_params"]
        else []
    )
    if plan := found["plan"]:
        lines.append(tr("步骤: ") + " → ".join(step["action"] for step in plan["steps"]))
    told = [span for span in found["spans"] if span["as"] != "filler"]
    lines += [
        tr(
            "「{text}」 {heard_as} {name}",
            text=printable(span["text"].strip()),
            heard_as=HEARD_AS[span["as"]],
            name=span["name"],
        ).rstrip()
        for span in told
    ]
    return "\n".join(lines)
