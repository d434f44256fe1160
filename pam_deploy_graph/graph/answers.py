"""人的回答：各种写法的恢复值怎样读成决定或参数，看不懂的绝不猜（contract 第 5 节）。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, DECISIONS, PLAN_DECISIONS, REQUIRED_PARAMS, Ask, Decision
from pam_deploy_graph.constants.decisions import ROLL_BACK_WORD
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory import Inventory, put_addresses
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.llm import (
    question_kinds,
    read_plan_decision,
    read_spoken_decisions,
    speaks_of_consent,
    speaks_of_decisions,
)

_ANSWER_KEYS: Final = frozenset({"decision", "type", "note", "message", "operator", "args", "signature"})
_WORDS: Final = {
    word: decision
    for decision, row in DECISIONS.items()
    for word in (decision, *row.spoken, *row.on_workstation.spoken)
}
_PLAN_WORDS: Final = {
    word: decision
    for decision, row in DECISIONS.items()
    for word in (decision, *row.spoken, *(row.on_plan.spoken if row.on_plan else ()))
}
"""「取消」不在其中：它是取消这次运行，由意图那里办。"""


@dataclass(frozen=True, slots=True)
class Answer:
    """读出来的一个决定。"""

    decision: Decision
    note: str = ""
    operator: str = ""
    signature: str = ""
    """本人的 SSH 签名；没有签的为空串。"""


def read_params(value: object) -> dict[str, Any] | str:
    """读补充参数的回答：键值映射（大写的部署参数、小写的控制参数，值还没有检查），或一句话。

    Raises:
        InvalidInputError: 既不是映射也不是文字。

    """
    while (inner := _unwrapped(value)) is not None:
        value = inner
    if isinstance(value, Mapping) and all(_names_parameter(key) for key in value):
        given = {str(key): item for key, item in value.items() if item is not None and item != ""}
        if given:
            return given
    if isinstance(value, str) and value.strip():
        return value
    wanted = tr("、").join(REQUIRED_PARAMS)
    raise InvalidInputError(tr("这个回答看不懂；请用一句话补充，或给出 {wanted} 之类的键值", wanted=wanted))


def _names_parameter(key: object) -> bool:
    """是不是参数的名字；大写的就算（不认识的随后会说明），小写的要认识，免得把 ``{"type": "reject"}`` 当成参数。"""
    return isinstance(key, str) and (key.isupper() or key in CONTROLS)


def _unwrapped(value: object) -> object | None:
    """剥去审阅界面与旧收件箱套在回答外面的一层；没有可剥的为 ``None``。"""
    if isinstance(value, list) and len(value) == 1:
        only: object = value[0]
        return only
    if not isinstance(value, Mapping):
        return None
    if value.keys() == {"params", "control"} and all(isinstance(part, Mapping) for part in value.values()):
        return {**value["params"], **value["control"]}
    wrappers = ("decisions", "edited_action", "args", "params", "control", "known", "text", "message")
    found: object | None = next((value[name] for name in wrappers if value.get(name)), None)
    return found


def read_decisions(
    value: object,
    subjects: Sequence[str],
    stages: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Answer]:
    """读决定，返回「对象 -> 决定」；没有提到的对象不在结果里，会再问。

    Args:
        value: 恢复值：一个词或 ``{"decision", "note"}`` 管全部，带了 ``ip`` 的只管那一台；IP 映射；
            审阅界面的 ``decisions`` 或旧收件箱的列表；或一句对各台分别作决定的话。各种写法不能混在一个回答里。
        subjects: 问了哪些对象，次序与问题里的相同。
        stages: 各台失败在哪一步；话里可以说「启动失败的那台」。
        names: 各台的名称；话里可以说名称。

    Raises:
        InvalidInputError: 看不懂，或提到了没有问的对象。

    """
    stock = Inventory.of_names(names or {})
    try:
        return _structured(value, subjects, stock)
    except InvalidInputError:
        text = _only_text(value)
        if not text or text.strip().lower() in (ROLL_BACK_WORD, "edit"):
            raise
        if question_kinds(text):
            raise InvalidInputError(tr("这是在问，没有当作决定")) from None
        if list(subjects) == [PLAN]:
            return {PLAN: Answer(read_plan_decision(text))}
    return {
        ip: Answer(decision)
        for ip, decision in read_spoken_decisions(put_addresses(text, stock), subjects, stages).items()
    }


def read_typed(question: Mapping[str, Any], text: str, operator: str) -> dict[str, Any]:
    """把操作员在终端里打的一句话读成恢复值；不是决定时抛 ``InvalidInputError``。"""
    if question.get("confirm"):
        raise InvalidInputError(tr("还等着确认另一件事，这一句不是对工作站、计划的决定"))
    if question["ask"] == Ask.PLAN:
        return {"decision": str(read_decisions(text, [PLAN])[PLAN].decision), "note": "", "operator": operator}
    waiting = question["waiting"]
    answers = read_decisions(text, [one["ip"] for one in waiting], stages_of(waiting), names_of(waiting))
    return {ip: {"decision": str(one.decision), "note": "", "operator": operator} for ip, one in answers.items()}


def speaks_of_it(ask: str, intent: str, text: str, *, amends: bool) -> bool:
    """听成取消、暂停的一句，其实在说眼前的问题：里头另有对工作站的决定，或对计划的改动。"""
    if intent not in ("cancel", "pause"):
        return False
    return amends or speaks_of_consent(text) if ask == Ask.PLAN else speaks_of_decisions(text)


def stages_of(waiting: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """等着的各台失败在哪一步。"""
    return {one["ip"]: one["failed_stage"] for one in waiting if one.get("failed_stage")}


def names_of(waiting: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """等着的各台叫什么。"""
    return {one["ip"]: one["name"] for one in waiting if one.get("name")}


def _structured(value: object, subjects: Sequence[str], stock: Inventory) -> dict[str, Answer]:
    """读各种结构的回答，以及管全部的一个词。"""
    if isinstance(value, Mapping):
        if "decisions" in value:
            _refuse_beside(value, "decisions")
            return _in_order(value["decisions"], subjects)
        if "ip" in value:
            return _for_ips(value, subjects, stock)
        if "decision" in value or "type" in value:
            return {subject: _one(value, subject) for subject in subjects}
        return _by_subject(list(value.items()), subjects, stock)
    if isinstance(value, list):
        return _in_order(value, subjects)
    return {subject: _one(value, subject) for subject in subjects}


def spoken_text(value: object) -> str:
    """回答里的一句话：纯文字，或审阅界面的文字回复；没有时为空串。"""
    if isinstance(value, list) and len(value) == 1:
        return spoken_text(value[0])
    if isinstance(value, Mapping):
        return spoken_text(value.get("text") or (value.get("args") if value.get("type") == "response" else ""))
    return value.strip() if isinstance(value, str) else ""


def _only_text(value: object) -> str:
    """只是一句话的回答；旁边还有别的决定的不算，为空串。"""
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(only, Mapping) and only.keys() != {"text"} and only.keys() != {"type", "args"}:
        return ""
    return spoken_text(only)


def _refuse_beside(value: Mapping[Any, Any], *known: str) -> None:
    """认得的键旁边还有别的，说的是什么就不一定了：报错，绝不挑一个听。"""
    if strange := value.keys() - set(known):
        named = tr("、").join(sorted(map(str, strange)))
        raise InvalidInputError(tr("回答里不该有 {named}；请只给决定，可附 note 与 operator", named=named))


def _in_order(values: object, subjects: Sequence[str]) -> dict[str, Answer]:
    """逐个对应；只有一个回答时只算第一个的：收件箱只给人看了第一个问题。"""
    if not isinstance(values, list) or len(values) not in (1, len(subjects)):
        raise InvalidInputError(tr("问了 {n} 个问题，请按次序逐个回答，或只答第一个", n=len(subjects)))
    return {subject: _one(value, subject) for subject, value in zip(subjects, values, strict=False)}


def _for_ips(value: Mapping[Any, Any], subjects: Sequence[str], stock: Inventory) -> dict[str, Answer]:
    """带了 ``ip`` 的一个决定：一台或几台，只管它们。"""
    ips = value["ip"] if isinstance(value["ip"], list) else [value["ip"]]
    said = {name: item for name, item in value.items() if name != "ip"}
    return _by_subject([(ip, said) for ip in ips], subjects, stock)


def _by_subject(pairs: Sequence[tuple[object, object]], subjects: Sequence[str], stock: Inventory) -> dict[str, Answer]:
    """按 IP 或名称的映射；地址怎么写都行，同一台只能说一次。"""
    value = {stock.address_of(str(key)): item for key, item in pairs}
    if not value or (strangers := [key for key in value if key not in subjects]):
        named = tr("、").join(strangers) if value else tr("（空）")
        raise InvalidInputError(
            tr("{named} 不在等决定之列；正等着的是 {subjects}", named=named, subjects=tr("、").join(subjects))
        )
    if len(value) < len(pairs):
        raise InvalidInputError(tr("{value} 里有同一台说了几次的；请每台只说一次", value=tr("、").join(value)))
    return {key: _one(item, key) for key, item in value.items()}


def _one(value: object, subject: str) -> Answer:
    """读一个决定。"""
    if not isinstance(value, Mapping):
        return Answer(_word(value, subject))
    if value.get("type") == "response":
        _refuse_beside(value, "type", "args")
        return _one(value.get("args", ""), subject)
    said = [value[name] for name in ("decision", "type") if value.get(name) not in (None, "")]
    decision = _word(" ".join(map(str, said)), subject)
    _refuse_beside(value, *_ANSWER_KEYS)
    note = value.get("note") or value.get("message") or _text(value.get("args"))
    return Answer(decision, str(note), str(value.get("operator") or ""), str(value.get("signature") or ""))


def _text(args: object) -> str:
    """收件箱把拒绝的理由放在 ``args`` 里；别的界面那里放的是问题的参数，不是话。"""
    return args if isinstance(args, str) else ""


def _word(value: object, subject: str) -> Decision:
    """读一个词；看不懂就报错，绝不猜。"""
    word = str(value).strip().strip("。.!！").lower()
    if word == ROLL_BACK_WORD and subject == PLAN:
        raise InvalidInputError(tr("问的是批准计划，还没有可回滚的，没有当作同意；请回答 approve 或 reject"))
    known, allowed = (_PLAN_WORDS, PLAN_DECISIONS) if subject == PLAN else (_WORDS, list(Decision))
    if word in known:
        return known[word]
    if word == "edit":
        raise InvalidInputError(
            tr("这里不能改参数（edit），没有当作同意；要改请用一句话说改什么，要决定请回答 approve 或 reject")
        )
    raise InvalidInputError(
        tr("看不懂的决定 {value!r}；请回答 {allowed} 之一", value=str(value)[:80], allowed=tr("、").join(allowed))
    )
