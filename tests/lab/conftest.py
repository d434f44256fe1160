"""试验场测试的夹具：一个共用的试验场，每个用例用自己的工作站。"""

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count

import pytest

from pam_deploy_graph.lab.launcher import LabProcess
from tests.lab.api import Api

WORKSTATIONS = 200
_numbers = count(1)


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """令牌由试验场自己生成，不受跑测试的人的环境影响。"""
    monkeypatch.delenv("PAM_TOKEN", raising=False)
    monkeypatch.delenv("PAM_TOKEN_FILE", raising=False)


@pytest.fixture(scope="session")
def shared() -> Iterator[Api]:
    """一个共用的试验场，1.2.3 已经同步。"""
    with LabProcess(workstations=WORKSTATIONS) as lab:
        api = Api(lab)
        api.release()
        yield api


@pytest.fixture
def ip() -> str:
    """一台没有用例动过的工作站。"""
    number = next(_numbers)
    assert number <= WORKSTATIONS, "工作站用完了"
    return str(IPv4Address("10.0.0.0") + number)
