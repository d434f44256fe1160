"""检查点与账本两份记录对不对得上：检查点记着写下时账本的身份、行号与链接（contract 第 5 节）。"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from pam_deploy_graph.errors import RecordsDisagreeError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import registry, rows
from pam_deploy_graph.ledger.engine import reading
from pam_deploy_graph.ledger.outlast import outlasting


@outlasting
def check(engine: Engine, ledger_id: str, position: Mapping[str, Any]) -> None:
    """对不上就停下，什么也不改变。

    Args:
        engine: 账本的引擎。
        ledger_id: 账本的身份。
        position: 检查点记着的 ``{"id", "run_id", "seq", "link"}``。

    Raises:
        RecordsDisagreeError: 账本是另一份、里面没有这次运行、落在检查点后面，或那一行不是当时的那一行。

    """
    run_id, seq = position["run_id"], position["seq"]
    if position["id"] != ledger_id:
        raise disagree(
            run_id,
            tr(
                "检查点写的是另一份账本（{id}），现在这份是 {ledger_id}", id=position["id"][:8], ledger_id=ledger_id[:8]
            ),
        )
    with reading(engine) as connection:
        run_no = connection.execute(registry.NUMBER_OF, {"run_id": run_id}).scalar()
        if run_no is None:
            raise disagree(run_id, tr("检查点知道这次运行，账本里却没有它，账本多半是从更早的备份恢复的"))
        here, _ = rows.head(connection, run_no)
        if here < seq:
            raise disagree(
                run_id,
                tr(
                    "账本只写到第 {here} 行，检查点写下时已有 {seq} 行，账本落后了（备份恢复或丢了末尾）",
                    here=here,
                    seq=seq,
                ),
            )
        if seq and (rows.stored_link(connection, run_no, seq) or b"").hex() != position["link"]:
            raise disagree(run_id, tr("账本的第 {seq} 行不是检查点写下时的那一行，账本被改动过或走了另一条路", seq=seq))


def disagree(run_id: str, how: str) -> RecordsDisagreeError:
    """说明两份记录怎样对不上、怎么办。"""
    return RecordsDisagreeError(
        tr(
            "运行 {run_id} 的两份记录对不上：{how}。什么也没有改变；有新的账本备份就先换回来，"
            "没有就用 repair {run_id} 另开一次，查清每台的实情再接着做",
            run_id=run_id,
            how=how,
        )
    )
