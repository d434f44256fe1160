"""``doctor`` 的一项与整张单子：一个毛病说一次，因它没有问成的收在它下面。"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pam_deploy_graph.i18n import msgid, tr

CREDENTIAL: Final = msgid("令牌")
HOME: Final = "PAM_HOME"
MCP: Final = msgid("MCP 服务")


@dataclass(frozen=True, slots=True)
class Check:
    """一项检查的结果；``advice`` 是不行时该怎么办，``because`` 是它因为哪一项不行而没有问成：不是另一个毛病。"""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    required: bool = True
    because: str = ""

    @property
    def fatal(self) -> bool:
        """必需的不行，而且是它自己的毛病。"""
        return self.required and not self.ok and not self.because

    def line(self) -> str:
        """写成一行；可有可无而没有的是「可选」，不妨碍做而要人知道的是「注意」。"""
        aside = tr("注意") if self.advice else tr("可选")
        mark = tr("正常") if self.ok else (tr("不行") if self.required else aside)
        return f"[{mark}] {self.name}: {self.detail}" + (
            "" if self.ok or not self.advice else tr("。{advice}", advice=self.advice)
        )

    def as_dict(self) -> dict[str, Any]:
        """写成 JSON 对象。"""
        return asdict(self)


def render(checks: Sequence[Check]) -> str:
    """写给人看：一个原因一行，因它没有问成的收在它下面，末尾说先解决哪几项。"""
    lines: list[str] = []
    for check in (one for one in checks if not one.because):
        after = [one.name for one in checks if one.because == check.name]
        lines += [check.line(), *([tr("       因此没有问成: {after}", after=tr("、").join(after))] if after else [])]
    causes = [check.name for check in checks if check.fatal]
    return "\n".join([*lines, tr("先解决: {causes}", causes=tr("、").join(causes)) if causes else tr("必需的都正常。")])


def cause_among(checks: Iterable[Check], *names: str) -> str:
    """``names`` 里头一个自己不行的；都行为空串。"""
    return next((check.name for check in checks if check.fatal and check.name in names), "")
