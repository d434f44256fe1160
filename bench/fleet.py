"""各场景共用的机队：参数与工作站地址。"""

from ipaddress import ip_address
from typing import Final

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE

PARAMS: Final = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}
ACTIONS_PER_WORKSTATION: Final = len(IP_ACTION_SEQUENCE)
_FIRST: Final = ip_address("10.0.0.1")


def addresses(workstations: int) -> list[str]:
    """从 10.0.0.1 数起的地址。"""
    return [str(_FIRST + number) for number in range(workstations)]
