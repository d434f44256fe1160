"""命令 ``status``、``runs``、``report``、``preview``、``analyze``：只看，不动手。"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.reaching import reaching
from pam_deploy_graph.cli.streams import screen_width
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put, put_page


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
    from pam_deploy_graph.runs.status import render_standing

    if watch and not ip:
        from pam_deploy_graph.cli.watching import watch as keep_watching

        return keep_watching(home, run_id, as_json=as_json)
    if ip:
        return _one_workstation(home, run_id, ip, as_json=as_json)
    with reaching(home, run_id, look=True) as runs_:
        found = runs_.standing(run_id)
    return o.print_json(found) if as_json else put(render_standing(found))


def _one_workstation(home: Path, run_id: str, ip: str, *, as_json: bool) -> None:
    """一台的经过。"""
    from pam_deploy_graph.runs.workstation_story import render_story

    with reaching(home, run_id, look=True) as runs_:
        told = runs_.story(run_id, ip)
    o.print_json(told) if as_json else put(render_story(told))


def runs(last: LAST = 20, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """列出最近的运行，新的在前：部署什么、谁提出的、走到哪里、在等什么。"""
    from pam_deploy_graph.errors import RunNotFoundError
    from pam_deploy_graph.runs.run_table import render_runs

    try:
        with reaching(home, look=True) as runs_:
            rows = runs_.table(last)
    except RunNotFoundError:
        rows = []
    o.print_json(rows) if as_json else put(render_runs(rows, width=screen_width()))


def report(run_id: o.RunId, format_: FORMAT = ReportFormat.MD, home: o.Home = o.HERE) -> None:
    """一次运行的报告。"""
    with reaching(home, run_id, look=True) as runs_:
        told = runs_.report(run_id, format_.value)
    if format_ is ReportFormat.JSON:
        o.print_json(told)
    elif format_ is ReportFormat.HTML:
        put_page(told)
    else:
        put(told)


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
    put(render_preview(known, chosen, build_action_backends(chosen)), end="")


def analyze(text: TEXT, as_json: o.Json = False) -> None:
    """听懂一句话：意图、参数、计划；什么也不执行。"""
    from pam_deploy_graph.llm import analyze_with_notes
    from pam_deploy_graph.runs.services import Services
    from pam_deploy_graph.system.masking import mask
    from pam_deploy_graph.system.safe_text import printable

    found, notes = analyze_with_notes(Services(settings=o.settings_for(o.HERE)).llm_client, mask(text))
    for note in notes:
        put(tr("注意: {note}", note=printable(note)), err=True)
    o.print_json(found) if as_json else put(_analysis(found))


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
