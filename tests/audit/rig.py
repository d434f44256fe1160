"""一次做完的运行的账本：计划批准过，一台回滚过；测试在上面做手脚。"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.audit.verify import verify
from pam_deploy_graph.ledger import chain
from pam_deploy_graph.runs.evidence import gather
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import IPS, Desk


class Books:
    """一个账本文件；每做一次手脚都另开连接，像别的程序那样。"""

    def __init__(self, home: Path, **settings: Any) -> None:
        """做完一次运行：一台验证不过，同意回滚。"""
        self.home = home
        self.anchor = home / "anchors.log"
        services = Services(home=home, settings=Settings(pam_audit_anchor=str(self.anchor), **settings))
        desk = Desk(home, InMemorySaver(), services=services)
        services.given_router = desk.fake
        desk.to_rollback(IPS[0])
        desk.answer("approve")
        self.run_id = str(desk.values()["run_id"])
        services.close()

    @property
    def path(self) -> Path:
        """账本文件。"""
        return self.home / "runtime" / "pam.db"

    def tamper(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        """直接改数据库。"""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            work(connection)

    def bundle(self, *, anchored: bool = True) -> Bundle:
        """收齐证据；``anchored`` 为假时当作没有锚。"""
        where = str(self.anchor) if anchored else ""
        services = Services(home=self.home, settings=Settings(pam_audit_anchor=where), look=True)
        try:
            return gather(services, self.run_id)
        finally:
            services.close()

    def findings(self, *, anchored: bool = True) -> list[str]:
        """核对，返回各处不对。"""
        return [f"{each.check}: {each.text}" for each in verify(self.bundle(anchored=anchored))]


def relink_events(connection: sqlite3.Connection) -> None:
    """重写整条运行的链：每一行的链接都重新算过，像知道算法的人会做的那样。"""
    link = chain.GENESIS
    for seq, at, body in connection.execute("SELECT seq, at, body FROM events ORDER BY seq").fetchall():
        link = chain.link_of(link, seq, at, body)
        connection.execute("UPDATE events SET link = ? WHERE seq = ?", (link, seq))


def relink_decisions(connection: sqlite3.Connection) -> None:
    """重写整条决定的链：重新编号，重新算链接。"""
    connection.row_factory = sqlite3.Row
    previous = chain.GENESIS
    rows = [dict(row) for row in connection.execute("SELECT * FROM decisions ORDER BY number").fetchall()]
    connection.execute("DELETE FROM decisions")
    for number, row in enumerate(rows, 1):
        row["number"] = number
        row["link"] = previous = chain.decision_link(previous, row)
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO decisions ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608  测试自己的列名


def reword(connection: sqlite3.Connection, kind: str, **changed: Any) -> None:
    """改一种事件的内容。"""
    for seq, body in connection.execute("SELECT seq, body FROM events").fetchall():
        events = json.loads(body)
        if any(event["type"] == kind for event in events):
            text = json.dumps([e | changed if e["type"] == kind else e for e in events], ensure_ascii=False)
            connection.execute("UPDATE events SET body = ? WHERE seq = ?", (text, seq))
