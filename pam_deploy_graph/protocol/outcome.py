"""一次调用的结果：什么情形算什么，对人怎么说；脚本、MCP 与路由共用（contract 第 3 节）。"""

from typing import Final

from pam_deploy_graph.constants import ScriptExit

NOTHING_DONE: Final = frozenset({ScriptExit.USAGE, ScriptExit.CONFIG, ScriptExit.UNAUTHORISED})
ADVICE: Final[dict[int, str]] = {
    ScriptExit.USAGE: "请核对 PAM_SCRIPT_ENTRY 指的脚本是否支持这个动作",
    ScriptExit.CONFIG: "请按上述原因改正参数后再来",
    ScriptExit.UNAUTHORISED: "请检查 PAM_TOKEN 是否有效、有没有权限",
    ScriptExit.NETWORK: "请检查到 PAM 的网络",
    ScriptExit.REFUSED: "请按 PAM 给出的原因处理",
    ScriptExit.TIMEOUT: "请检查 PAM 是否繁忙，或放宽时限",
}
_ADVICE_UNKNOWN: Final = "请查看脚本与跟踪文件"
_ADVICE_IN_DOUBT: Final = "结果未知，请先查清实际状态，不要直接重做"


def explain(action: str, ip: str | None, reason: str, code: int, *, in_doubt: bool = False) -> str:
    """写成给人看的一句：哪个动作、哪台工作站、什么原因、怎么办。"""
    where = f"（{ip}）" if ip else ""
    advice = _ADVICE_IN_DOUBT if in_doubt else ADVICE.get(code, _ADVICE_UNKNOWN)
    return f"{action}{where}：{reason}；{advice}"
