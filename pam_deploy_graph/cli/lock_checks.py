"""``doctor`` 的一项：哪些模块被占着，哪些是没有人在做的。"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pam_deploy_graph.cli.check_list import Check
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.errors import PamError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, locks
from pam_deploy_graph.system.shown_time import zoned_moment


def held_here(home: Path) -> list[Check]:
    """``home`` 的账本里占着的模块；账本打不开的，另一项已经说了。"""
    settings = settings_for(home)
    with contextlib.suppress(PamError), contextlib.closing(Ledger(settings.store_url(home), look=True)) as ledger:
        return list(held_modules(ledger))
    return []


def held_modules(ledger: Ledger) -> Iterator[Check]:
    """逐个说出占着的模块；正由进程做着的算正常。"""
    for module, run_id, since, over in locks.held(ledger.engine):
        holder = None if over else ledger.holder(run_id)
        state = (
            tr("已经结束，占着的不算数")
            if over
            else tr("正由{holder}做着", holder=holder)
            if holder
            else tr("没有进程在做它")
        )
        advice = (
            tr("下一次部署会清掉它")
            if over
            else tr("用 resume {run_id} 做完它，或用 cancel {run_id} 取消它", run_id=run_id)
        )
        detail = tr(
            "由运行 {run_id} 占着（自 {zoned_moment}，{state}）",
            run_id=run_id,
            zoned_moment=zoned_moment(since),
            state=state,
        )
        yield Check(tr("模块 {module}", module=module), ok=bool(holder), detail=detail, advice=advice, required=False)
