"""动手的节点占模块之前：被别的运行占着，就照 ``--wait`` 等。"""

from collections.abc import Callable

from pam_deploy_graph.runs.services import Services


def when_free(services: Services, run_id: str, claim: Callable[[], None]) -> None:
    """做 ``claim``（看一眼或占住模块）；等的时候记下在等什么，别的终端看得见。

    Raises:
        ModuleBusyError: 等到了时候还占着。

    """
    services.patience.until_free(
        claim,
        stop=services.stop,
        cancelled=lambda: services.cancelled(run_id),
        note=lambda text: services.ledger.stopped(run_id, text),
    )
