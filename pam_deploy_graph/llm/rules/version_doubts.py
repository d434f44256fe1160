"""核对要装哪一版：两可的、像退路的、另说了更新的，去问（依据 contract 第 4 节）；说法在 ``doubts.toml``。"""

import re
from itertools import pairwise
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.versions import parts_of
from pam_deploy_graph.llm.text.lexicon import forms_of

_DOTTED: Final = re.compile(r"\d+(?:\.\d+)+")


def doubt_versions(draft: Draft) -> None:
    """「1.1 or 1.2」两可的，「崩了就退 4.2.8」读成了退路的，去问是哪一版。"""
    wanted = draft.params.get("VERSION_NUMBER", "")
    if not wanted or len({draft.original[start:end] for start, end in draft.versions}) < 2:  # noqa: PLR2004 —— 两个版本才有得选
        return
    for (_, one), (other, _) in pairwise(draft.versions):
        if any(form.fullmatch(draft.original[one:other]) for form in forms_of("doubts", "either")):
            draft.leave_open("VERSION_NUMBER", tr("说了两个版本，看不出要哪一个：请说明是哪一版"))
    said = [draft.original[start:end] for start, end in draft.account.spans("VERSION_NUMBER")]
    newer = [value for text in said for value in _DOTTED.findall(text) if parts_of(value) > parts_of(wanted)]
    if newer and not any(form.search(draft.original) for form in forms_of("doubts", "downgrade")):
        draft.leave_open(
            "VERSION_NUMBER", tr("读作 {wanted}，又说了更新的 {newer}：请说明是哪一版", wanted=wanted, newer=newer[-1])
        )
    for start, end in draft.versions:
        before = draft.original[max(0, start - 16) : start]
        if wanted in draft.original[start:end] and any(form.search(before) for form in forms_of("doubts", "fallback")):
            draft.leave_open("VERSION_NUMBER", tr("{wanted} 像是退路：请说明要装哪一版", wanted=wanted))
