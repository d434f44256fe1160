"""命令 ``audit``：核对证据，或导出一个能在别处核对的文件（contract 第 8 节、docs/audit.md）。"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.cli.help_pages import Command, Group
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put, put_json

if TYPE_CHECKING:
    from pam_deploy_graph.audit.bundle import Bundle

audit: typer.Typer = typer.Typer(
    cls=Group, help="核对链、签名、策略与锚；导出证据。", rich_markup_mode=None, no_args_is_help=True
)
SOME_RUN = Annotated[str, typer.Argument(help="运行名；不给就是全部。", metavar="[RUN_ID]", show_default=False)]
FILE = Annotated[Path | None, typer.Option("--file", help="核对导出的文件，不看账本。", metavar="FILE")]
ANCHORS = Annotated[str, typer.Option("--anchors", help="锚的文件；不给就是 PAM_AUDIT_ANCHOR。", metavar="FILE")]
SIGNERS = Annotated[
    Path | None, typer.Option("--signers", help="allowed_signers；不给用账户文件里的公钥。", metavar="FILE")
]
OUTPUT = Annotated[Path | None, typer.Option("--output", help="写到这个文件；不给写到标准输出。", metavar="FILE")]


@audit.command(cls=Command)
def verify(
    run_id: SOME_RUN = "",
    file: FILE = None,
    anchors: ANCHORS = "",
    signers: SIGNERS = None,
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """核对链、互指、锚、批准、策略与签名；有一处不对就以 12 退出，逐处说明。"""
    from pam_deploy_graph.audit import verify as checks
    from pam_deploy_graph.cli.inputs import read_keys

    known = read_keys(signers) if signers else ""
    bundles = [_from_file(file, anchors, known)] if file else _from_ledger(home, run_id, anchors, known)
    found = [(bundle, checks.verify(bundle)) for bundle in bundles]
    if as_json:
        o.print_json([checks.summary(bundle, findings) for bundle, findings in found])
    else:
        put("\n".join(checks.render(bundle, findings) for bundle, findings in found) or tr("还没有任何运行。"))
    raise typer.Exit(ExitCode.STOPPED if any(findings for _, findings in found) else ExitCode.DONE)


@audit.command(cls=Command)
def export(run_id: o.RunId, output: OUTPUT = None, home: o.Home = o.HERE) -> None:
    """把一次运行的证据写成一个文件，不用本程序的数据库也能核对。"""
    from pam_deploy_graph.runs.evidence import gather
    from pam_deploy_graph.runs.lookup import past_runs
    from pam_deploy_graph.system.private_files import write_private

    with past_runs(o.settings_for(home), home, run_id, look=True) as services:
        text = gather(services, run_id).to_json()
    if output is None:
        put_json(text.rstrip("\n"))
        return
    write_private(output.absolute(), text.encode())
    put(tr("已写到 {output}；别处用 audit verify --file {output} 核对", output=output), err=True)


def _from_file(file: Path, anchors: str, signers: str) -> "Bundle":
    """读导出的文件；另给的锚与公钥压过里面的。"""
    from dataclasses import replace

    from pam_deploy_graph.audit.anchors import read_anchors
    from pam_deploy_graph.audit.bundle import Bundle

    found = Bundle.load(file)
    elsewhere = list(read_anchors(anchors, found.ledger_id, found.run_id))
    return replace(found, anchors=elsewhere or found.anchors, allowed_signers=signers or found.allowed_signers)


def _from_ledger(home: Path, run_id: str, anchors: str, signers: str) -> "list[Bundle]":
    """从账本收齐证据。"""
    from pam_deploy_graph.runs.evidence import gather
    from pam_deploy_graph.runs.lookup import past_runs

    with past_runs(o.settings_for(home), home, run_id, look=True) as services:
        names = [run_id] if run_id else [run.run_id for run in services.ledger.list_runs()]
        return [gather(services, name, anchors=anchors, signers=signers) for name in names]
