"""故障：按工作站和动作打开的演练开关（contract 第 9 节 ``SPEC``）。"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, Phase
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system.safe_text import show_value

ORDERS: Final[dict[str, str]] = {
    spec.verb: name for name, spec in ACTIONS.items() if spec.per_ip and spec.phase is not Phase.RECONCILIATION
}
"""工作站动作的短名（``stop``、``log`` 等）到动作表里的名字。"""

_MAX_SECONDS: Final = 86_400.0
_SHAPE: Final = msgid("应写成 IP:ACTION:KIND[:TIMES]，例如 10.0.0.3:verify:fail 或 10.0.0.4:deploy:slow=2:1")


class FaultKind(StrEnum):
    """故障的种类。

    ``status`` 生效而只答一个状态、没有正文；``busy`` 什么也不做，答 429 或 503 请人稍后再来；
    ``crash`` 是 contract 第 3 节说的「crash」：动作生效之后、记账之前，试验场把自己 kill -9。
    """

    FAIL = "fail"
    HANG = "hang"
    SLOW = "slow"
    DROP = "drop"
    STATUS = "status"
    BUSY = "busy"
    OFFLINE = "offline"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class _Value:
    """种类后面带的数：叫什么，什么规则。"""

    name: str
    rule: str
    fits: Callable[[float], bool]


_VALUES: Final = {
    FaultKind.SLOW: _Value(msgid("秒数"), msgid("大于 0、不超过 {limit:g} 的数"), lambda n: 0 < n <= _MAX_SECONDS),
    FaultKind.STATUS: _Value(msgid("状态"), msgid("200 到 599 之间的整数"), lambda n: n in range(200, 600)),
    FaultKind.BUSY: _Value(msgid("状态"), msgid("429 或 503"), lambda n: n in (429, 503)),
}


@dataclass(slots=True)
class Fault:
    """一个故障；``value`` 是种类后面带的数（秒或状态），``left`` 是还能用几次，``None`` 为一直有效。"""

    ip: str
    order: str
    kind: FaultKind
    value: float = 0.0
    left: int | None = None

    @property
    def seconds(self) -> float:
        """``slow`` 慢多少秒；别的种类为零。"""
        return self.value if self.kind is FaultKind.SLOW else 0.0

    @property
    def status(self) -> int:
        """``status`` 与 ``busy`` 答的 HTTP 状态；别的种类为零。"""
        return int(self.value) if self.kind in (FaultKind.STATUS, FaultKind.BUSY) else 0

    def describe(self) -> dict[str, Any]:
        """返回给管理接口看的 JSON 对象。"""
        shown = {"ip": self.ip, "action": self.order, "kind": self.kind, "seconds": self.seconds, "left": self.left}
        return shown | ({"status": self.status} if self.status else {})


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
        raise InvalidInputError(tr("故障 {spec} 不合规则：{shape}", spec=show_value(spec), shape=tr(_SHAPE)))
    ip, order, kind, *times = parts
    try:
        IPv4Address(ip)
    except AddressValueError:
        raise InvalidInputError(
            tr("故障 {spec} 里的 {ip} 不是真实的 IPv4 地址", spec=show_value(spec), ip=show_value(ip))
        ) from None
    if order not in ORDERS:
        allowed = tr("、").join(ORDERS)
        raise InvalidInputError(
            tr(
                "故障 {spec} 里的动作 {order} 不认识，应为：{allowed}",
                spec=show_value(spec),
                order=show_value(order),
                allowed=allowed,
            )
        )
    fault_kind, value = _parse_kind(kind, spec)
    return Fault(ip, order, fault_kind, value, _parse_times(times[0], spec) if times else None)


def _parse_kind(text: str, spec: str) -> tuple[FaultKind, float]:
    """解析 KIND；要带数的必须带，别的不许带。"""
    name, equals, value = text.partition("=")
    if name not in list(FaultKind) or (name in _VALUES) != bool(equals):
        allowed = tr("、").join(f"{kind}={tr(_VALUES[kind].name)}" if kind in _VALUES else kind for kind in FaultKind)
        raise InvalidInputError(
            tr(
                "故障 {spec} 里的种类 {text} 不认识，应为：{allowed}",
                spec=show_value(spec),
                text=show_value(text),
                allowed=allowed,
            )
        )
    if not equals:
        return FaultKind(name), 0.0
    wanted = _VALUES[FaultKind(name)]
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not wanted.fits(number):
        said = tr(
            "故障 {spec} 里的{wanted} {value} 应为{rule}",
            spec=show_value(spec),
            wanted=tr(wanted.name),
            value=show_value(value),
            rule=tr(wanted.rule, limit=_MAX_SECONDS),
        )
        raise InvalidInputError(said)
    return FaultKind(name), number


def _parse_times(text: str, spec: str) -> int:
    """解析 TIMES：正整数。"""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):  # noqa: PLR2004 —— 九位数已足够大
        raise InvalidInputError(
            tr("故障 {spec} 里的次数 {text} 应为正整数", spec=show_value(spec), text=show_value(text))
        )
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
