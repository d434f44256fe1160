"""故障：按工作站和动作打开的演练开关（contract 第 9 节 ``SPEC``）。"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, Phase
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.safe_text import show_value

ORDERS: Final[dict[str, str]] = {
    name.removesuffix("-ip").removeprefix("download-"): name
    for name, spec in ACTIONS.items()
    if spec.per_ip and spec.phase is not Phase.RECONCILIATION
}
"""工作站动作的短名（``stop``、``log`` 等）到动作表里的名字。"""

_MAX_SECONDS: Final = 86_400.0
_SHAPE: Final = "应写成 IP:ACTION:KIND[:TIMES]，例如 10.0.0.3:verify:fail 或 10.0.0.4:deploy:slow=2:1"


class FaultKind(StrEnum):
    """故障的种类。

    ``crash`` 是 contract 第 3 节说的「crash」：动作生效之后、记账之前，试验场把自己 kill -9。
    """

    FAIL = "fail"
    HANG = "hang"
    SLOW = "slow"
    DROP = "drop"
    OFFLINE = "offline"
    CRASH = "crash"


@dataclass(slots=True)
class Fault:
    """一个故障；``seconds`` 只有 ``slow`` 用到，``left`` 是还能用几次，``None`` 为一直有效。"""

    ip: str
    order: str
    kind: FaultKind
    seconds: float = 0.0
    left: int | None = None

    def describe(self) -> dict[str, Any]:
        """返回给管理接口看的 JSON 对象。"""
        return {"ip": self.ip, "action": self.order, "kind": self.kind, "seconds": self.seconds, "left": self.left}


def parse_fault(spec: str) -> Fault:
    """解析一条故障。

    Args:
        spec: ``IP:ACTION:KIND[:TIMES]``。

    Returns:
        故障；没有 TIMES 即一直有效。

    Raises:
        InvalidInputError: 哪一段不合规则就指出哪一段。

    """
    parts = spec.split(":")
    if len(parts) not in (3, 4):
        raise InvalidInputError(f"故障 {show_value(spec)} 不合规则：{_SHAPE}")
    ip, order, kind, *times = parts
    try:
        IPv4Address(ip)
    except AddressValueError:
        raise InvalidInputError(f"故障 {show_value(spec)} 里的 {show_value(ip)} 不是真实的 IPv4 地址") from None
    if order not in ORDERS:
        allowed = "、".join(ORDERS)
        raise InvalidInputError(f"故障 {show_value(spec)} 里的动作 {show_value(order)} 不认识，应为：{allowed}")
    fault_kind, seconds = _parse_kind(kind, spec)
    return Fault(ip, order, fault_kind, seconds, _parse_times(times[0], spec) if times else None)


def _parse_kind(text: str, spec: str) -> tuple[FaultKind, float]:
    """解析 KIND；只有 ``slow`` 带秒数，而且必须带。"""
    name, equals, value = text.partition("=")
    if name not in list(FaultKind) or (name == FaultKind.SLOW) != bool(equals):
        allowed = "、".join("slow=秒数" if kind is FaultKind.SLOW else kind for kind in FaultKind)
        raise InvalidInputError(f"故障 {show_value(spec)} 里的种类 {show_value(text)} 不认识，应为：{allowed}")
    if not equals:
        return FaultKind(name), 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MAX_SECONDS:
        raise InvalidInputError(
            f"故障 {show_value(spec)} 里的秒数 {show_value(value)} 应为大于 0、不超过 {_MAX_SECONDS:g} 的数"
        )
    return FaultKind.SLOW, seconds


def _parse_times(text: str, spec: str) -> int:
    """解析 TIMES：正整数。"""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):  # noqa: PLR2004 —— 九位数已足够大
        raise InvalidInputError(f"故障 {show_value(spec)} 里的次数 {show_value(text)} 应为正整数")
    return int(text)


class FaultBoard:
    """当前打开的故障；只在内存里，重启之后按命令行重新打开。"""

    def __init__(self, faults: Collection[Fault] = ()) -> None:
        """以命令行给出的故障开场。"""
        self._faults: list[Fault] = list(faults)

    def add(self, fault: Fault) -> None:
        """再打开一个故障。"""
        self._faults.append(fault)

    def clear(self) -> None:
        """关掉全部故障。"""
        self._faults.clear()

    def describe(self) -> list[dict[str, Any]]:
        """列出还有效的故障。"""
        return [fault.describe() for fault in self._faults]

    def take(self, ip: str, order: str, kinds: Collection[FaultKind] = tuple(FaultKind)) -> Fault | None:
        """取用第一个对得上的故障，并把它的次数减一；没有则为 ``None``。"""
        for fault in self._faults:
            if fault.ip == ip and fault.order == order and fault.kind in kinds:
                if fault.left is not None:
                    fault.left -= 1
                    if not fault.left:
                        self._faults.remove(fault)
                return fault
        return None
