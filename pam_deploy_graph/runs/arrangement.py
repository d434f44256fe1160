"""安排：哪些机场、什么次序、先试哪一个、同时几个、一共坏满几台就停。"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pam_deploy_graph.errors import InvalidInputError, RunNotFoundError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_params, validate_run_id
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.system.safe_text import show_value

KEY: Final = "campaign"
"""登记的输入里，安排在哪个键下。"""
MOST_AIRPORTS: Final = 200
_FEWEST: Final = 2
MOST_AT_ONCE: Final = 50
_LONGEST_NAME: Final = 60
"""各机场的运行名是它加上 ``-PEK``，运行名至多 64 个字符。"""


@dataclass(frozen=True, slots=True)
class Campaign:
    """一份安排；``airports`` 的次序就是做的次序，``pilot`` 为空是不先试，``max_failures`` 为 0 是不限。"""

    campaign_id: str
    airports: tuple[str, ...]
    pilot: str = ""
    at_once: int = 1
    max_failures: int = 0

    def run_id(self, airport: str) -> str:
        """一个机场的运行名。"""
        return f"{self.campaign_id}-{airport}"

    def as_dict(self) -> dict[str, Any]:
        """登记的样子。"""
        return asdict(self) | {"airports": list(self.airports)}

    def text(self) -> str:
        """写成一句：次序、试点、同时几个、什么时候停。"""
        said = [
            tr("{n} 个机场，依次 {airports}", n=len(self.airports), airports=tr("、").join(self.airports)),
            tr("同时 {at_once} 个机场", at_once=self.at_once),
        ]
        said += [tr("先试 {pilot}，它全部做完才做其余的", pilot=self.pilot)] if self.pilot else []
        said += (
            [tr("一共失败满 {max_failures} 台就不再继续", max_failures=self.max_failures)] if self.max_failures else []
        )
        return tr("；").join(said)


def arrange(
    campaign_id: str, airports: Sequence[str], *, pilot: str = "", at_once: int = 1, max_failures: int = 0
) -> Campaign:
    """检查并返回一份安排；试点排到最前。

    Raises:
        InvalidInputError: 机场不足两个、太多或说了两遍，代码不合规则，试点不在其中，名字或两个数目不合规则。

    """
    known = [validate_params({"AIRPORT_CODE": each})["AIRPORT_CODE"] for each in airports]
    if twice := sorted({each for each in known if known.count(each) > 1}):
        raise InvalidInputError(tr("机场 {twice} 说了两遍，请只写一遍", twice=tr("、").join(twice)))
    if not _FEWEST <= len(known) <= MOST_AIRPORTS:
        raise InvalidInputError(
            tr(
                "--airports 给了 {n} 个机场，应为 {fewest} 到 {most_airports} 个；一个机场用 run",
                n=len(known),
                fewest=_FEWEST,
                most_airports=MOST_AIRPORTS,
            )
        )
    if pilot and pilot not in known:
        raise InvalidInputError(
            tr("试点 {pilot} 不在 --airports（{known}）里", pilot=show_value(pilot), known=tr("、").join(known))
        )
    if len(validate_run_id(campaign_id)) > _LONGEST_NAME:
        raise InvalidInputError(
            tr(
                "名字 {campaign_id} 太长，最多 {longest_name} 个字符",
                campaign_id=campaign_id,
                longest_name=_LONGEST_NAME,
            )
        )
    if not 1 <= at_once <= MOST_AT_ONCE or max_failures < 0:
        raise InvalidInputError(
            tr("同时 {at_once} 个机场、失败满 {failures} 台就停：不合规则", at_once=at_once, failures=max_failures)
        )
    order = ([pilot] if pilot else []) + [each for each in known if each != pilot]
    return Campaign(campaign_id, tuple(order), pilot, at_once, max_failures)


def read_campaign(ledger: Ledger, campaign_id: str) -> Campaign:
    """从各机场登记的输入里读回安排。

    Raises:
        RunNotFoundError: 没有这样一次多机场部署。

    """
    for record in ledger.list_runs(MOST_AIRPORTS, prefix=f"{campaign_id}-"):
        if found := _arranged(record.input, campaign_id):
            return found
    raise RunNotFoundError(campaign_id)


def arranged_from(given: Mapping[str, Any], run_id: str, params: Mapping[str, object]) -> Campaign:
    """把别处送来的安排读回，查过它说的就是这一次运行。

    Raises:
        InvalidInputError: 不合规则，或说的不是这一次。

    """
    try:
        found = arrange(**given)
    except TypeError:
        found = None
    if found is None or run_id not in {found.run_id(each) for each in found.airports if each == params["AIRPORT_CODE"]}:
        raise InvalidInputError(tr("送来的多机场安排看不懂，或说的不是运行 {run_id}", run_id=show_value(run_id)))
    return found


def _arranged(given: Mapping[str, Any], campaign_id: str) -> Campaign | None:
    """登记的输入里的安排；没有、或是别的一次的为 ``None``。"""
    found = given.get(KEY)
    if not isinstance(found, dict) or found.get("campaign_id") != campaign_id:
        return None
    return Campaign(**found | {"airports": tuple(found["airports"])})
