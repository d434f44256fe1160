"""把 click 的用法错误说成中文：哪个选项、什么值、应该怎样。

typer 有的版本自带一份 click，没有公开的错误类型可以导入；这里只凭错误类的名字、它的参数与消息辨认。
"""

import re
from typing import Any, Final

from pam_deploy_graph.i18n import msgid, tr

_RULES: Final = {
    "int_parsing": msgid("应为整数"),
    "float_parsing": msgid("应为数字"),
    "less_than_equal": msgid("不能大于 {le}"),
    "greater_than_equal": msgid("不能小于 {ge}"),
}


def usage_problem(error: Any) -> str:
    """返回一句中文，点出选项与值。"""
    message: str = error.format_message()
    name, option = _name(getattr(error, "param", None)), getattr(error, "option_name", "")
    unwanted = "does not take" in message
    kinds = {
        "NoSuchOption": tr("没有选项 {option}", option=option),
        "BadOptionUsage": tr("{option} 不带值", option=option)
        if unwanted
        else tr("{option} 要带一个值", option=option),
        "MissingParameter": tr("缺少 {name}", name=name),
        "BadParameter": tr("{name} 的值 {bad_value}", name=name, bad_value=_bad_value(error, message)),
    }
    if unknown := re.search(r"No such command '([^']*)'", message):
        near = re.search(r"Did you mean (.*)\?", message)
        meant = tr("、").join(re.findall(r"'([^']*)'", near[1])) if near else ""
        return tr("没有命令 {unknown}", unknown=unknown[1]) + (
            tr("，你是不是想说 {meant}", meant=meant) if meant else ""
        )
    if extra := re.search(r"unexpected extra arguments? ?\(?s?\)? ?\((.*)\)", message):
        return tr("多出来的 {extra}（含空格的值要加引号）", extra=extra[1])
    return kinds.get(type(error).__name__, message)


def _name(param: Any) -> str:
    """选项或参数在帮助里的名字。"""
    option = next((opt for opt in getattr(param, "opts", []) if opt.startswith("-")), "")
    return option or getattr(param, "metavar", None) or str(getattr(param, "name", ""))


def _bad_value(error: Any, message: str) -> str:
    """不合规则的值，以及它应该怎样。"""
    detail: dict[str, Any] = next(iter(getattr(error.__cause__, "errors", list)()), {})
    choices = re.search(r"is not one of (.*?)\.?$", message)
    given = re.search(r": .*?'([^']*)' is ", message)
    value = detail.get("input", given[1] if given else "")
    rule = tr("应为 {choices} 之一", choices=choices[1]) if choices else _RULES.get(detail.get("type", ""), "")
    rule = rule or (tr("应为目录，那里是一个文件") if "is a file" in message else "")
    return tr("{value!r} 不合规则", value=str(value)) + (
        tr("：{rule}", rule=tr(rule, **detail.get("ctx", {}))) if rule else ""
    )
