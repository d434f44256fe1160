"""量出来的数字：一个指标、它的目标、它的各次读数。"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Goal:
    """目标：不超过 ``most``；给了 ``least`` 时也不低于它。"""

    most: float
    least: float | None = None

    def met(self, value: float) -> bool:
        """一个读数是否达到。"""
        return value <= self.most and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        """返回给人看的写法。"""
        return f"≤ {self.most:g}" if self.least is None else f"{self.least:g}–{self.most:g}"


@dataclass(frozen=True, slots=True)
class Metric:
    """一个指标；``key`` 是它在一轮读数里的名字，``digits`` 是小数位数。"""

    key: str
    name: str
    unit: str
    digits: int = 2
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """一个场景；``measure`` 量一轮，返回每个指标的一个读数，比值在同一轮里算。"""

    name: str
    title: str
    about: str
    rounds: int
    metrics: tuple[Metric, ...]
    measure: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """一个指标的全部读数。"""

    metric: Metric
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """中位数；目标按它判断。"""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """是否达到目标；没有目标为 ``None``。"""
        return self.metric.goal.met(self.median) if self.metric.goal else None

    def show(self, value: float) -> str:
        """按指标的小数位数写一个数。"""
        return f"{value:,.{self.metric.digits}f}"


@dataclass(frozen=True, slots=True)
class Section:
    """一个场景量完的结果。"""

    scenario: Scenario
    figures: tuple[Figure, ...]


def collect(scenario: Scenario, readings: Sequence[Mapping[str, float]]) -> Section:
    """把各轮读数按指标收拢；少了哪个指标抛 ``KeyError``。"""
    figures = (Figure(one, tuple(reading[one.key] for reading in readings)) for one in scenario.metrics)
    return Section(scenario, tuple(figures))
