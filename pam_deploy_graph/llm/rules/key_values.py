"""键值对、地址、路径与秘密：照字面就能认出来的部分（依据 contract 第 2 节）。"""

import re
from typing import Final

from pam_deploy_graph.constants import CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import Draft, lead
from pam_deploy_graph.llm.rules.gazetteer import gazetteer
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS
from pam_deploy_graph.llm.text.normalise import as_written
from pam_deploy_graph.llm.text.numbers import NUMBER

_SECRET: Final = re.compile(
    r"(?<![\w-])[\w-]{0,40}?(?:token|令牌|密码|口令|passw(?:or)?d|secret|api[_-]?key|密钥)\w*\s*(?:是|为|:|=|is)\s*[^\s,;。、!?]+"
    r"|\bbearer\s+[\w.~+/-]{6,}=*|\bsk-[\w-]{8,}",
    FLAGS,
)
_PARAMS: Final = (*REQUIRED_PARAMS, *DEFAULT_PARAMS)
_ADDRESSES = r"(?:,(?=[\d.:a-f/-]+(?:[,\s;。]|$))[^\s,;。]+)*"
_PAIR: Final = re.compile(
    rf"(?<![\w.-])(?!waves\s*[=:]\s*[^\[])(?!\w+\s*[=:]\s*(?!\d){NUMBER})"
    rf"(?P<key>{'|'.join((*_PARAMS, *CONTROLS))})\s*[=:]\s*"
    rf"(?P<value>\[[^\[\]]{{0,2000}}\]|(?:[^\s,;。\[()]|\([^\s()]*\))+{_ADDRESSES})",
    FLAGS,
)
_V: Final = re.compile(r"^v(?=\d)", FLAGS)
_URL: Final = re.compile(r"https?://[^\s,;。、)\u4e00-\u9fff]+", FLAGS)
_HOME_BEFORE: Final = re.compile(r"(?:home|pam|中心|总部)[^,。;\n]{0,16}$", FLAGS)
_EXTENSION = r"\.(?:zip|tar(?:\.(?:gz|bz2|xz|zst))?|tgz|gz|bz2|xz|7z|rar|jar|war|deb|rpm|whl|pkg|bin|exe|msi|img)"
_CHARS = r"[^\s,;。、:*?<>|()]"
_FOLDER = r"[^\\/:*?<>|\n,;。、()]{1,60}\\"
"""Windows 的文件夹名里可以有空格。"""
_PATH: Final = re.compile(
    rf"(?<![\w/.])[a-z]:\\(?:{_FOLDER}){{1,12}}[^\s\\/:*?<>|,;。、()]{{0,80}}?{_EXTENSION}(?![\w.\\])|"
    rf"(?<![\w/.%])(?!/\d+%)(?:[a-z]:[\\/](?!/)|\\\\|~?/|\.{{1,2}}/)(?:{_CHARS}{{1,200}}?{_EXTENSION}(?![\w./\\])|{_CHARS}+)|(?<![\w/.-])[\w./-]{{1,200}}{_EXTENSION}(?![\w.])",
    FLAGS,
)
_ONE_WORD: Final = re.compile(r"/[\u4e00-\u9fff]+")
_IS_PACKAGE: Final = re.compile(_EXTENSION + r"$", FLAGS)
_PACKAGE_END: Final = re.compile(_EXTENSION + r"(?=[\u4e00-\u9fff])", FLAGS)
_LATIN_END: Final = re.compile(r"[\w/](?=[\u4e00-\u9fff])", FLAGS)
_PACKAGE_BEFORE: Final = re.compile(
    r"(?:包|介质|文件|路径|package|path|file|from|with|using)(?:的)?(?:路径|位置|地址|文件)?\s*(?:在|是|为|用|放在|位于|at|is|in|:|=)*\s*$",
    FLAGS,
)
_REFUSED_BEFORE: Final = re.compile(
    r"(?:不要|不用|不能|不许|不得|不是|不再|而非|(?<![特分级区个性差])别|勿)[^,。;!\n]{0,12}$"
    r"|\b(?:don.?t|not|never|instead of|rather than|without)\b[^,.;!\n]{0,20}$",
    FLAGS,
)
_REFUSED_AFTER: Final = re.compile(
    r"\s*(?:这个|那个)?\s*(?:(?:不要|不能|别|勿)[用装]|不要(?=[,。;!?\n]|$)|作废|是旧的|已?废弃"
    r"|\b(?:is|was) (?:old|not|wrong)\b)",
    FLAGS,
)


def read_places(draft: Draft) -> None:
    """依次取走秘密、键值对、网址和路径。"""
    if draft.take([_SECRET], "secret", As.NOT_DONE):
        draft.note(tr("请求里像是有令牌或密码，已略过：令牌只能来自环境变量 PAM_TOKEN 或密钥文件，请尽快更换"))
    for match in _PAIR.finditer(draft.text):
        value = _value(match["key"], match["value"])
        if match["key"].upper() == "AIRPORT_CODE" and gazetteer().pattern.match(draft.text, match.start("value")):
            draft.mask(match.start(), match.start("value"), "AIRPORT_CODE")  # 写的是机场的名字，留给读机场的
            continue
        draft.mask(match.start(), match.start("value") + len(value), match["key"])
        _set_pair(draft, match["key"], as_written(value).strip("'[] ").rstrip(".!?)}]"))
    for match in _URL.finditer(draft.text):
        # 只有明说是 HOME 的网址才算：随便一个网址当真，令牌就会送到那里去
        if _HOME_BEFORE.search(lead(draft.text, match.start())):
            draft.set_param("PAM_HOME_URL", match.group().rstrip(".!?"))
        draft.mask(*match.span(), "PAM_HOME_URL")
    for match in _PATH.finditer(draft.text):
        if _is_package(draft.text, match):
            draft.set_param("PACKAGE_PATH", _path(match))
        elif _ONE_WORD.fullmatch(match.group()):  # 「浦东/虹桥」的斜杠不是路径，留给别的读法
            continue
        draft.mask(*match.span(), "PACKAGE_PATH")


def _is_package(text: str, path: re.Match[str]) -> bool:
    """这个路径是不是要装的包：像安装包，或前面说了「包」「路径」；说了不要用的不是。"""
    before = lead(text, path.start())
    if _REFUSED_BEFORE.search(before) or _REFUSED_AFTER.match(text, path.end()):
        return False
    return bool(_IS_PACKAGE.search(_path(path)) or _PACKAGE_BEFORE.search(before))


def _path(match: re.Match[str]) -> str:
    """照原样写的路径，不含末尾的句读与引号。"""
    return as_written(match.group()).rstrip(".!?'")


def hide_secrets(text: str) -> str:
    """遮去像令牌、密码的部分，其余原样；交给模型之前用。"""
    return _SECRET.sub("***", text)


def _value(key: str, written: str) -> str:
    """键值对的值到哪里为止：后面紧接着汉字的，只有路径里的汉字算值。"""
    end = _PACKAGE_END.search(written) if key.upper() == "PACKAGE_PATH" else _LATIN_END.search(written)
    return written[: end.end()] if end else written


def _set_pair(draft: Draft, key: str, value: str) -> None:
    """记下一个明写的键值对，版本同话里说的一样不带前面的 v；写错的说清楚，控制参数还要重新问。"""
    if key.upper() in _PARAMS:
        draft.set_param(key.upper(), _V.sub("", value) if key.upper() == "VERSION_NUMBER" else value)
    else:
        draft.set_control(key.lower(), value)
