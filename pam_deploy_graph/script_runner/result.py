"""读懂脚本入口的输出和退出码，译成 ``ActionResult``（依据 contract 第 3 节「脚本后端」）。

外来的文字一律中和：终端转义与其他控制字符写成看得见的转义，令牌换成 ``***``。
"""

import re
from typing import Final

from pam_deploy_graph.constants import ACTIONS, Backend, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult, Values
from pam_deploy_graph.protocol.outcome import Outcome, explain, outcome_of, retry_after_in
from pam_deploy_graph.script_runner.child_process import ProcessOutcome
from pam_deploy_graph.script_runner.script_words import retold
from pam_deploy_graph.system.safe_text import masked, neutralise

_LINE: Final = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
_ALWAYS_LISTS: Final = ("IP",)
_REASON_LENGTH: Final = 500


def parse_output(text: str) -> Values:
    """解析脚本的标准输出。

    Args:
        text: 若干行；``KEY=VALUE``（键为大写字母、数字、下划线）之外的行忽略。

    Returns:
        键到值；同一个键出现多次时值是列表，``IP`` 总是列表，空着的一行是一台也没有。值里的控制字符已经中和。

    """
    found: dict[str, list[str]] = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        if match := _LINE.fullmatch(line.removesuffix("\r")):
            found.setdefault(match[1], []).append(neutralise(match[2]))
    lists = {key: [value for value in found[key] if value] for key in _ALWAYS_LISTS if key in found}
    return {key: each if len(each) > 1 else each[0] for key, each in found.items()} | lists


def to_result(action: str, ip: str | None, outcome: ProcessOutcome, *, token: str = "") -> ActionResult:
    """把进程的结局译成动作的结果。

    Args:
        action: 动作名。
        ip: 哪台工作站；全局动作为 ``None``。
        outcome: 进程的结局。
        token: 令牌，只用来把它从输出里抹掉。

    Returns:
        退出码 0 且输出完整为成功；读不到退出码的，输出完整而没有 ``ERROR=`` 为成功；
        会改变外界的动作在结果未知时 ``in_doubt`` 为真。
        ``exit_code`` 是脚本的退出码，被信号结束时为负，到时限被结束时为 7，读不到、说不准的为 8。

    """
    values = parse_output(masked(outcome.stdout, token))
    if _is_done(action, outcome, values) and not outcome.timed_out and not outcome.stdout_cut:
        return ActionResult(True, action, Backend.SCRIPT, values).checked()
    code = _exit_code(outcome)
    in_doubt = ACTIONS[action].changes and outcome_of(code) is Outcome.UNKNOWN
    reason = _reason(outcome, values, masked(outcome.stderr, token))
    summary, later = explain(action, ip, reason, code, in_doubt=in_doubt), retry_after_in(values)
    return ActionResult.failure(
        action, Backend.SCRIPT, summary, in_doubt=in_doubt, exit_code=code, values=values, retry_after=later
    )


def _is_done(action: str, outcome: ProcessOutcome, values: Values) -> bool:
    """脚本说成功了：退出码 0；读不到退出码时，要带齐该给的键而没有 ``ERROR=``。"""
    if outcome.code_lost:
        return "ERROR" not in values and all(key in values for key in ACTIONS[action].gives)
    return outcome.exit_code == ScriptExit.DONE


def _exit_code(outcome: ProcessOutcome) -> int:
    """脚本的退出码；到时限被结束的算超时，没能收回的算被 KILL，读不到的、输出截断了的什么也没有排除。"""
    if outcome.timed_out:
        return ScriptExit.TIMEOUT
    if outcome.code_lost or (outcome.stdout_cut and outcome.exit_code == ScriptExit.DONE):
        return ScriptExit.UNKNOWN
    return -9 if outcome.exit_code is None else outcome.exit_code


def _reason(outcome: ProcessOutcome, values: Values, stderr: str) -> str:
    """失败的原因：最后一行 ``ERROR=``，没有就取标准错误的末尾；程序自己看见的情形写在前面。"""
    said = _last(values, "ERROR") or neutralise(stderr.strip()[-_REASON_LENGTH:])
    said = retold(said[:_REASON_LENGTH])
    if outcome.timed_out:
        return tr("脚本到了时限还没有结束，已经终止") + (tr("（{said}）", said=said) if said else "")
    if outcome.stdout_cut:
        return tr("脚本的输出超过上限，已经截断，不能当作完整的应答") + (tr("（{said}）", said=said) if said else "")
    if outcome.code_lost:
        return said or tr("本进程忽略了 SIGCHLD，读不到脚本的退出码，它也没有说明原因")
    return said or _silent_end(outcome.exit_code)


def _silent_end(code: int | None) -> str:
    """脚本什么也没有说就结束了。"""
    if code is None or code < 0:
        return tr("脚本被信号 {code} 结束，没有说明原因", code=9 if code is None else -code)
    return tr("脚本以退出码 {code} 结束，没有说明原因", code=code)


def _last(values: Values, key: str) -> str:
    """取一个键最后一次出现的值；没有则为空串。"""
    value = values.get(key, "")
    return str(value[-1] if isinstance(value, list) else value)
