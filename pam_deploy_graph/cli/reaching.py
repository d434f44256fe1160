"""命令到哪里去看、去记：设了 ``--server``（``PAM_SERVER``）的经服务器，别的照本机的账本（contract 第 8 节）。"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_deploy_graph.runs.access import RunAccess


@contextlib.contextmanager
def reaching(home: Path, run_id: str = "", *, look: bool = False) -> "Iterator[RunAccess]":
    """打开那个口，用完即关。

    Args:
        home: 工作目录。
        run_id: 要找的运行；空串是最近一次。
        look: 只看：不新建、不迁移、不修补本机的账本。

    Raises:
        RunNotFoundError: 本机还没有账本。

    """
    settings = settings_for(home)
    if settings.pam_server:
        from pam_deploy_graph.graph.server_runs import ServerRuns

        with ServerRuns(settings) as served:
            yield served
        return
    from pam_deploy_graph.runs.local_runs import LocalRuns
    from pam_deploy_graph.runs.lookup import past_runs

    with past_runs(settings, home, run_id, look=look) as services:
        yield LocalRuns(services, warn=lambda problem: put(tr("注意: {problem}", problem=problem), err=True))
