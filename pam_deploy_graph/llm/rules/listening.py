"""先听语气：取走照字面就认得的部分，放下不算数的分句，留出判断意图要看的文字（依据 contract 第 4 节）。"""

import re
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.address_marks import read_marks
from pam_deploy_graph.llm.rules.draft import HIDDEN, NAMED, Draft, squeeze
from pam_deploy_graph.llm.rules.fields import read_fields
from pam_deploy_graph.llm.rules.intents import Said, ends_rollout
from pam_deploy_graph.llm.rules.key_values import read_places
from pam_deploy_graph.llm.rules.machines import read_machines
from pam_deploy_graph.llm.rules.names.marked import read_sure_names
from pam_deploy_graph.llm.rules.pace import read_pace, read_strategy, read_timeouts
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.clauses import Clause, clauses, remarks_on_address
from pam_deploy_graph.llm.text.lexicon import FLAGS, words

_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_OR: Final = re.compile(r"\s*(?:或者?|还是|or\b)", FLAGS)
"""「3.4.0,还是 3.4.1?」：问的是哪一版。"""
_BLANK: Final = f"\n{HIDDEN}"
_DOTTED: Final = re.compile(r"(?<![\d.])v?\d{1,4}(?:\.\d{1,4}){1,2}(?!\.?\d)", FLAGS)


def listen(draft: Draft) -> tuple[Said, bool]:
    """取走照字面就认得的部分，放下不算数的分句；返回判断意图要看的文字，以及是否要求别动。"""
    _read_literals(draft)
    draft.take(words("set_aside"), "", As.NEGATED)
    spoken = draft.text
    parts = clauses(draft.text)
    hidden = [
        part
        for part in parts
        if part.kind and not (ends_rollout(part, draft.text) or remarks_on_address(draft.text, part))
    ]
    held = any(form.search(part.text) for part in hidden for form in words("hold"))
    for part in () if draft.listening else hidden:
        draft.hide(part.start, part.end, part.kind or As.UNREAD, part.mood)
    read_machines(draft)
    read_strategy(draft)
    if "target_ips" in draft.control and any(form.search(squeeze(draft.text)) for form in words("these_first")):
        draft.note(tr("只部署点名的这几台；其余的请等它们做完再另外说"))
    whole = "".join(was if now in _BLANK else now for was, now in zip(spoken, draft.text, strict=True))
    heard = draft.text
    if not draft.listening:
        draft.take(words("negated"), "", As.NEGATED)
    draft.doubts = [part for part in parts if _ADDRESS.search(part.text) and (part.mood == "remark" or part in hidden)]
    draft.doubts += [part for part in parts if part.mood == "past" and part not in hidden]
    acted = [part for part in hidden if part.acted and (part.mood != "question" or _DOTTED.search(part.text))]
    bare = [
        part for part in acted if not (_DOTTED.search(part.text) or _ADDRESS.search(part.text) or NAMED in part.text)
    ]
    background = acted[0].text.strip()[:20] if acted else ""
    about_it = bool(bare) or not acted
    _compare_versions(draft, hidden)
    ordered = any(part.ordered for part in parts if part not in hidden)
    asked = "" if draft.control or _ADDRESS.search(draft.original) else _asked(hidden)
    return Said(whole, heard, draft.text, background, ordered, bool(hidden), about_it, asked), held


def _asked(hidden: list[Clause]) -> str:
    """就着这件事问的一句，里面没有另说一遍要装什么；没有为空。"""
    questions = (part.text.strip() for part in hidden if part.mood == "question")
    return next((text[:20] for text in questions if not (_DOTTED.search(text) or NAMED in text)), "")


def _compare_versions(draft: Draft, hidden: list[Clause]) -> None:
    """转述里写着版本的：与要装的不同就问，先记下。"""
    reported = [part.text for part in hidden if part.mood == "reported" or _OR.match(part.text)]
    draft.reported = [match.group() for text in reported for match in _DOTTED.finditer(text)]


def _read_literals(draft: Draft) -> None:
    """取走照字面就认得的部分：键值、路径、节奏、时限、IP、策略。"""
    read_places(draft)
    read_fields(draft)
    read_marks(draft)
    read_sure_names(draft)
    _read_rules_of_play(draft)
    _read_fallback(draft)
    read_pace(draft)
    read_timeouts(draft)


def _read_rules_of_play(draft: Draft) -> None:
    """跳过验证、自动回滚之类的要求做不到，告诉人。"""
    if draft.take(words("skip_verify"), "verify", As.NOT_DONE):
        draft.note(tr("验证不能省：每台工作站都要经过 verify-ip 才算成功"))
    if draft.take(words("auto_rollback"), "rollback", As.NOT_DONE):
        draft.note(tr("不会自动回滚：有工作站失败时会停下来，每次回滚之前都单独问人"))


def _read_fallback(draft: Draft) -> None:
    """放下「不行就退到 1.2.1」与标题行；只说了一个版本的，那就是要装的。"""
    for match in (match for form in words("heading") for match in form.finditer(draft.text)):
        draft.hide(*match.span(), As.FILLER)
    for match in (match for form in words("fallback") for match in form.finditer(draft.text)):
        others = draft.text[: match.start()] + "\n" + draft.text[match.end() :]
        if _DOTTED.search(others):
            draft.hide(*match.span(), As.CONDITION, "VERSION_NUMBER")
