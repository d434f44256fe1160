"""按规程写出计划：步骤固定，说明、风险和提醒随参数而变（依据 contract 第 3、4 节）。"""

from collections.abc import Mapping
from typing import Final

from pam_deploy_graph.constants import (
    ACTIONS,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    REQUIRED_PARAMS,
    build_action_backends,
)
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.models import LlmDeployPlan, PlanStep
from pam_deploy_graph.system.safe_text import printable

_MOST_WORDS: Final = 6
_LONGEST_WORD: Final = 200
_RISKS: Final = [
    msgid("每台工作站升级时，它的模块会短暂停用"),
    msgid("验证失败的工作站会停在新版本上，等人决定是否回滚"),
]


def build_plan(params: Mapping[str, object], strategy: str) -> LlmDeployPlan:
    """写出一份模板计划：全局步骤，然后每台工作站都做一遍的步骤。

    Args:
        params: 部署参数；缺少的项在摘要里写作「未指定」。
        strategy: ``ExecutionStrategy`` 的某个值。

    Returns:
        步骤不点名 IP 的计划。

    Raises:
        ValueError: 未知策略。

    """
    backends = build_action_backends(strategy)
    steps = [
        PlanStep(
            action=action,
            description=tr("{about}（{backends}）", about=tr(ACTIONS[action].about), backends=backends[action]),
        )
        for action in (*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE)
    ]
    return LlmDeployPlan(
        steps=steps, summary=_summary(params, strategy), risks=list(map(tr, _RISKS)), warnings=_warnings(params)
    )


def in_own_words(proposal: LlmDeployPlan, params: Mapping[str, object], strategy: str) -> LlmDeployPlan:
    """把一份提议写成请人批准的样子：做什么由程序自己说，不由模型说。

    Args:
        proposal: 通过了校验的提议。
        params: 部署参数。
        strategy: ``ExecutionStrategy`` 的某个值。

    Returns:
        步骤照提议；说明、摘要、风险与提醒照规程，一句不少，提议里另有的话标明是补充，截短，去掉看不见的字符。

    """
    own = build_plan(params, strategy)
    more = [text for text in [*proposal.warnings, *proposal.risks] if text not in [*own.warnings, *own.risks]]
    added = [tr("（补充，仅供参考）{text}", text=printable(text)[:_LONGEST_WORD]) for text in more[:_MOST_WORDS]]
    described = {step.action: step.description for step in own.steps}
    steps = [step.model_copy(update={"description": described[step.action]}) for step in proposal.steps]
    return own.model_copy(update={"steps": steps, "warnings": [*own.warnings, *added]})


def _summary(params: Mapping[str, object], strategy: str) -> str:
    """一句话说清在哪里、把什么、升到哪一版。"""
    airport, app, module, version = (str(params.get(name) or tr("未指定")) for name in REQUIRED_PARAMS)
    return tr(
        "在 {airport} 机场把应用 {app} 的模块 {module} 部署到版本 {version}，执行策略 {strategy}",
        airport=airport,
        app=app,
        module=module,
        version=version,
        strategy=strategy,
    )


def _warnings(params: Mapping[str, object]) -> list[str]:
    """提醒批准的人：从何时开始、安装包从哪里来。"""
    warnings = [tr("批准之后立即开始；每次回滚之前还会单独询问")]
    if not params.get("PACKAGE_PATH"):
        warnings.append(tr("没有给出安装包路径（PACKAGE_PATH）：要求 PAM_HOME 已有这个版本"))
    return warnings
