"""画页面：模板引擎与随包的文件；外来文字一律转义，看不见的字符先现形，没有一段脚本写在页面里。"""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from pam_deploy_graph.i18n import language, tr
from pam_deploy_graph.report.code_words import with_word
from pam_deploy_graph.report.decision_words import decision_label, subject_of
from pam_deploy_graph.report.html.page import resource
from pam_deploy_graph.report.html.shown_text import clean
from pam_deploy_graph.report.html.status_styles import LOOKS
from pam_deploy_graph.system.account import name_of
from pam_deploy_graph.system.shown_time import clock, moment, span, zone, zoned_moment

_HERE: Final = "pam_deploy_graph.console"
_REPORT: Final = "pam_deploy_graph.report.html"
_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC: Final = ("console.css", "console.js", "stream.js", "htmx.min.js", "icon.svg")
CSP: Final = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
        *("worker-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"),
    )
)
"""页面里没有一段写在里面的脚本与样式，也不从别处载入任何东西。"""


@cache
def environment() -> Environment:
    """模板引擎。"""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(_HERE), PackageLoader(_REPORT)]),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=clock,
        moment=moment,
        span=span,
        zoned=zoned_moment,
        account_name=name_of,
        subject=subject_of,
        decision=decision_label,
        worded=with_word,
    )
    made.globals.update(LOOKS=LOOKS, zone=zone, static=address_of, tr=tr, language=language)
    return made


def draw(template: str, **values: Any) -> str:
    """画一页。"""
    return environment().get_template(template).render(**values)


@cache
def static_files() -> Mapping[str, tuple[bytes, bytes, str]]:
    """随包的样式与脚本：名字 -> 内容、压缩过的、类型。"""
    folder = files(_HERE) / "static"
    found = {name: (folder / name).read_bytes() for name in _STATIC}
    found["looks.css"] = resource("looks.css").encode()
    return {name: (body, gzip.compress(body, mtime=0), _TYPES[name.rpartition(".")[2]]) for name, body in found.items()}


@cache
def address_of(name: str) -> str:
    """一个随包的文件的地址；内容变了地址就变，浏览器不会用旧的。"""
    return f"/static/{name}?v={hashlib.sha256(static_files()[name][0]).hexdigest()[:10]}"
