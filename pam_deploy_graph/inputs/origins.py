"""一个设置从哪里来，来源有多强；秘密不去来源比它弱的地址（contract 第 2、8 节）。"""

from dataclasses import dataclass
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.service_address import is_loopback


@dataclass(frozen=True, slots=True)
class Origin:
    """来源；``strength`` 越大越强。"""

    strength: int
    name: str

    @property
    def text(self) -> str:
        """给人看的名字。"""
        return tr(self.name)


GIVEN: Final = Origin(3, msgid("这次给出的"))
ENVIRONMENT: Final = Origin(3, msgid("环境变量"))
DEFAULT: Final = Origin(0, msgid("默认值"))


def user_file(path: object) -> Origin:
    """来自用户配置目录里的 ``.env``。"""
    return Origin(2, str(path))


def home_file(path: object) -> Origin:
    """来自 ``--home`` 里的 ``.env``。"""
    return Origin(1, str(path))


def recorded(url: str, setting: str) -> Origin:
    """来自账本、检查点或一句话，与此刻的设置不同：两个都写出来。"""
    return Origin(1, tr("这次运行记着的 {url}（此刻的设置是 {setting}）", url=url, setting=setting or tr("没有设")))


def refuse_weaker(secret: str, its: Origin, name: str, value: str, origin: Origin) -> None:
    """秘密不去来源比它弱的地址；在本机上的默认地址不算。

    Args:
        secret: 秘密的名字，例如 ``PAM_TOKEN``。
        its: 秘密的来源。
        name: 地址或程序的名字，例如 ``PAM_HOME_URL``。
        value: 那个地址；写进消息的是名字，不是它。
        origin: 地址的来源。

    Raises:
        InvalidInputError: 不让去；消息说明两边各从哪里来、怎么办。

    """
    if its.strength <= origin.strength or (origin == DEFAULT and is_loopback(value)):
        return
    raise InvalidInputError(
        tr(
            "{secret} 来自{its}，{name} 来自{origin}：秘密不去来源比它弱的地址；请把 {name} "
            "也写到{its}里，或在命令里给出",
            secret=secret,
            its=its.text,
            name=name,
            origin=origin.text,
        )
    )
