"""命令 ``campaign``：几个机场一份计划、一次批准，各是一次普通的运行（contract 第 8 节）。"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.decide import NOTE, OPERATOR, SIGN
from pam_deploy_graph.cli.help_pages import Command, Group
from pam_deploy_graph.cli.reaching import reaching
from pam_deploy_graph.cli.run_and_resume import YES
from pam_deploy_graph.cli.table_options import taking
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

campaign: typer.Typer = typer.Typer(
    cls=Group, help="几个机场一起做：一份计划、一次批准。", rich_markup_mode=None, no_args_is_help=True
)
_CONTROLS: Final = {name: row for name, row in o.CONTROL_OPTIONS.items() if name not in o.OF_ONE_AIRPORT}
NAME = Annotated[str, typer.Argument(help="多机场部署的名字。", metavar="CAMPAIGN_ID")]
NEW_NAME = Annotated[
    str, typer.Option("--campaign-id", help="名字；不给按时间取。各机场的运行名是它加上 -PEK。", metavar="CAMPAIGN_ID")
]
AIRPORTS = Annotated[str, typer.Option("--airports", help="机场代码，逗号分隔，照这个次序做。", metavar="PEK,PVG")]
PILOT = Annotated[str, typer.Option("--pilot", help="先做这个机场，它全部做好才做其余的。", metavar="PEK")]
AT_ONCE = Annotated[int, typer.Option("--airports-at-once", help="同时做几个机场。", metavar="N", min=1, max=50)]
BUDGET = Annotated[
    int, typer.Option("--total-failures", help="各机场一共坏满几台就不再做；0 是不限。", metavar="N", min=0)
]
PAST_PILOT = Annotated[bool, typer.Option("--past-pilot", help="试点没有全部做好，看过了，还是要做其余的。")]
APPROVE = Annotated[bool, typer.Option("--approve", help="批准。")]
REJECT = Annotated[bool, typer.Option("--reject", help="否决，各机场都取消。")]
DIGEST = Annotated[
    list[str],
    typer.Option("--digest", help="只答给人看过的这一份；没有终端时批准必须给。", metavar="HEX"),
]


@campaign.command(cls=Command)
@taking("controls", _CONTROLS)
def run(
    airports: AIRPORTS,
    param: o.Params = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    params: o.ParamsFile = None,
    *,
    controls: Mapping[str, Any],
    pilot: PILOT = "",
    at_once: AT_ONCE = 1,
    total_failures: BUDGET = 0,
    campaign_id: NEW_NAME = "",
    yes: YES = False,
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """给各机场出计划，合成一份；批准之后依次做。"""
    from pam_deploy_graph.cli.campaign_opening import open_campaign, requests_for
    from pam_deploy_graph.home.run_files import unused_run_id
    from pam_deploy_graph.runs.arrangement import arrange

    arranged = arrange(
        campaign_id or unused_run_id(lambda _taken: False),
        [each.strip().upper() for each in airports.split(",") if each.strip()],
        pilot=pilot.strip().upper(),
        at_once=at_once,
        max_failures=total_failures,
    )
    requests = requests_for(home, arranged.airports, param, params, controls)
    with open_campaign(home, as_json=as_json) as session:
        session.launch(arranged, requests)
        code = session.settle_plan(yes=yes)
        raise typer.Exit(session.go() if code is None else code)


@campaign.command(cls=Command)
def resume(campaign_id: NAME, past_pilot: PAST_PILOT = False, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """接着做：中断的、已有决定的、还没有开始的机场。"""
    from pam_deploy_graph.cli.asking import somebody
    from pam_deploy_graph.cli.campaign_opening import open_campaign

    with open_campaign(home, campaign_id, as_json=as_json) as session:
        code = session.settle_plan(yes=False) if somebody() else None
        raise typer.Exit(session.go(past_pilot=past_pilot) if code is None else code)


@campaign.command(cls=Command)
def confirm(
    campaign_id: NAME,
    approve: APPROVE = False,
    reject: REJECT = False,
    digest: DIGEST = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    note: NOTE = "",
    operator: OPERATOR = "",
    sign: SIGN = None,
    home: o.Home = o.HERE,
) -> None:
    """一并批准或拒绝等着的计划；之后由 campaign resume 执行。"""
    from pam_deploy_graph.cli.campaign_opening import open_campaign
    from pam_deploy_graph.errors import InvalidInputError

    if approve == reject:
        raise InvalidInputError(tr("请给出 --approve、--reject 其中之一"))
    decision = Decision.APPROVE if approve else Decision.REJECT
    with open_campaign(home, campaign_id) as session:
        plan = session.plan()
        session.say(plan.text())
        session.refuse_unseen(plan, decision, digest)
        raise typer.Exit(session.decide(plan, decision, operator=operator, note=note, key=sign))


@campaign.command(cls=Command)
def status(campaign_id: NAME, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """各机场走到哪里。"""
    from pam_deploy_graph.campaigns.overview import campaign_of, look, waiting_text

    with reaching(home, campaign_id, look=True) as runs:
        found = look(runs, campaign_of(runs, campaign_id))
    if as_json:
        return o.print_json(found.as_dict())
    return put("\n".join(filter(None, [found.text(), waiting_text(found)])))


@campaign.command(cls=Command)
def report(campaign_id: NAME, home: o.Home = o.HERE) -> None:
    """一页报告：概况，然后各机场的报告，没做好的在前。"""
    from pam_deploy_graph.campaigns.overview import campaign_of, look, render_report

    with reaching(home, campaign_id, look=True) as runs:
        put(render_report(runs, look(runs, campaign_of(runs, campaign_id))), end="")


@campaign.command(cls=Command)
def cancel(campaign_id: NAME, home: o.Home = o.HERE) -> None:
    """取消：各机场都不再开新的工作站，进行中的做完为止。"""
    from pam_deploy_graph.campaigns.joint_plan import cancel_all
    from pam_deploy_graph.campaigns.overview import campaign_of

    with reaching(home, campaign_id) as runs:
        told = cancel_all(runs, campaign_of(runs, campaign_id))
    put("\n".join(told), err=True)
