"""命令 ``confirm`` 与 ``cancel``：从任一终端作决定；只记进账本，不动手。"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.reaching import reaching
from pam_deploy_graph.cli.table_options import taking
from pam_deploy_graph.constants import DECISIONS, Decision
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

_CHOICES = {
    decision.name.lower(): (Annotated[bool, typer.Option(f"--{decision}", help=row.about)], False)
    for decision, row in DECISIONS.items()
}
IPS = Annotated[list[str], typer.Option("--ip", help="对哪台作决定，可重复；不给就是全部在等的。", metavar="IP")]
NOTE = Annotated[str, typer.Option("--note", help="备注。")]
OPERATOR = Annotated[str, typer.Option("--operator", help="操作员自报的名字；真正的账号另由程序记下。")]
DIGESTS = Annotated[
    list[str],
    typer.Option(
        "--digest",
        help="只答给人看过的这一个（status 里的摘要，至少 10 位），可重复；没有终端时批准计划必须给。",
        metavar="HEX",
    ),
]
SIGN = Annotated[Path | None, typer.Option("--sign", help="用这把 SSH 私钥签名（ssh-keygen -Y sign）。", metavar="KEY")]


@taking("choices", _CHOICES)
def confirm(
    run_id: o.RunId,
    choices: Mapping[str, bool],
    ip: IPS = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    digest: DIGESTS = [],  # noqa: B006  同上，只读
    note: NOTE = "",
    operator: OPERATOR = "",
    sign: SIGN = None,
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """回答一次运行正等着的问题：先写出答的是什么，再记下；之后由 resume 执行。"""
    from pam_deploy_graph.cli.answering import answer
    from pam_deploy_graph.errors import InvalidInputError

    chosen = [Decision[name.upper()] for name, given in choices.items() if given]
    if len(chosen) != 1:
        raise InvalidInputError(
            tr("请给出 {decisions} 其中之一", decisions=tr("、").join(f"--{decision}" for decision in DECISIONS))
        )
    with reaching(home, run_id) as runs:
        found = answer(runs, run_id, chosen[0], ips=ip, digests=digest, note=note, operator=operator, key=sign)
    if as_json:
        o.print_json(found.as_dict())
    put(found.text(), err=True)
    raise typer.Exit(found.exit_code)


def cancel(run_id: o.RunId, home: o.Home = o.HERE, as_json: o.Json = False) -> None:
    """取消一次运行：不再开新的工作站；进行中的和已有决定的做完为止。"""
    with reaching(home, run_id) as runs:
        done = runs.cancel(run_id)
    if as_json:
        o.print_json(done)
    if done["holder"]:
        put(tr("已要求取消：{holder}做完进行中的工作站就停", holder=done["holder"]), err=True)
    elif done["owed"]:
        put(
            tr(
                "已要求取消；{owed} 还没有做完，用 resume {run_id} 做完它们",
                owed=tr("、").join(done["owed"][:10]),
                run_id=run_id,
            ),
            err=True,
        )
    else:
        put(tr("运行 {run_id} 已取消", run_id=run_id), err=True)
