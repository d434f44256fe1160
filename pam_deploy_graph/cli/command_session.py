"""一次命令的会话：部件、驱动与输出，用完即关。"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from pam_deploy_graph.cli.asking import asker
from pam_deploy_graph.cli.driver import Asker, Driver, open_driver
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.cli.progress import JsonProgress, TextProgress, deaf_stops, emit, unless_deaf
from pam_deploy_graph.cli.signed_answers import read_decision
from pam_deploy_graph.constants import Ask, ExitCode
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.report.summary import render_report
from pam_deploy_graph.runs.patience import Patience
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.status import next_step
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.open_files import allow_many_files


@dataclass
class Session:
    """一次命令的会话；``as_json`` 为真时数据逐行是 JSON。"""

    services: Services
    driver: Driver
    as_json: bool

    def say(self, text: str) -> None:
        """把一句话写到标准错误。"""
        with deaf_stops(self.services.stop):
            Console(stderr=True, soft_wrap=True, highlight=False).print(mask(text), markup=False)

    def finish(self, run_id: str, code: ExitCode) -> ExitCode:
        """说明停在哪里、下一步做什么，原样返回退出码。"""
        if self.as_json:
            if asked := self.driver.unanswered:
                emit({"type": "QUESTION", "run_id": run_id, "at": now_ms(), "question": dict(asked)})
            emit({"type": "WAITING" if code is ExitCode.WAITING else "ENDED", "run_id": run_id, "exit_code": int(code)})
        if code is ExitCode.WAITING:
            self.say(f"等人决定：{self._next(run_id)}")
            return code
        record = self.services.ledger.get_run(run_id)
        if not self.as_json and record.exit_code is not None:
            sys.stdout.write(render_report(self.services.state_of(run_id)))
        if record.exit_code is None:
            self.say(f"错误: {record.reason}" if record.reason else "已停下")
            self.say(f"可以继续：resume {run_id}")
        elif record.reason:
            self.say(f"结果: {record.reason}")
        return code

    def _next(self, run_id: str) -> str:
        """等着的问题怎样答。"""
        asked = self.driver.unanswered
        if asked.get("ask") == Ask.PARAMS:
            return f"在终端里 resume {run_id} 补上"
        digest = str(asked["digest"]) if asked.get("ask") == Ask.PLAN else ""
        return next_step("waiting", run_id, plan_digest=digest)


def _registered(services: Services, run_id: str) -> bool:
    """登记过没有；还在问参数的没有登记。"""
    return bool(run_id) and services.ledger.exists(run_id)


@contextlib.contextmanager
def open_session(
    home: Path,
    *,
    as_json: bool,
    run_id: str = "",
    ask: Asker | None = None,
    settings: Settings | None = None,
    may_replace: bool = False,
    wait: float = 0,
) -> Iterator[Session]:
    """打开会话。

    Args:
        home: 工作目录。
        as_json: 进度逐行写成 JSON。
        run_id: 接着做哪次运行；进度从它的台数数起。
        ask: 怎么问人；不给时按有没有终端决定。
        settings: 设置；不给时取自环境与 ``.env``（contract 第 8 节）。
        may_replace: 账本丢了也照样新建一份（``repair``）。
        wait: 模块正由别的运行占着时，最多等几秒。

    """
    allow_many_files()
    services = Services(home=home, settings=settings or settings_for(home), channel="cli", may_replace=may_replace)
    begun = services.state_of(run_id) if _registered(services, run_id) else None
    names = services.inventory.names  # 清单写错了的，在这里就说，什么也没有做
    progress = JsonProgress(begun, names) if as_json else TextProgress(begun, names)
    services.listeners.append(unless_deaf(progress, services.stop))
    try:
        with open_driver(services, ask or asker(partial(read_decision, services))) as driver:
            session = Session(services, driver, as_json)
            services.patience = Patience(wait, session.say)
            yield session
    finally:
        services.close()
