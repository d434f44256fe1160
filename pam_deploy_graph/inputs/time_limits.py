"""一个动作的时限：调用者给的，其次部署参数，最后默认值（contract 第 2、3 节）。"""

from collections.abc import Mapping

from pam_deploy_graph.constants import ACTIONS, DEFAULT_PARAMS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.safe_text import show_value


def time_limit_of(action: str, params: Mapping[str, str], given: float | None) -> float:
    """返回一个动作的时限。

    Args:
        action: 动作名，见 ``ACTIONS``；看哪个参数由动作表指定。
        params: 部署参数。
        given: 调用者给的时限，秒；``None`` 为没有给。

    Returns:
        秒数。

    Raises:
        InvalidInputError: 参数的值不是秒数。

    """
    if given is not None:
        return given
    name = ACTIONS[action].time_limit_param
    text = params.get(name) or DEFAULT_PARAMS[name]
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(tr("参数 {name} 的值 {text} 应为秒数", name=name, text=show_value(text))) from None
