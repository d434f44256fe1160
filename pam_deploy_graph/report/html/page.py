"""报告页：一个自成一体的 HTML 文件，不联网，没有脚本也能读（contract 第 8 节 ``report --format html``）。"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pam_deploy_graph.i18n import EN, language, tr
from pam_deploy_graph.report.html.causes import MOST_CAUSES, causes_of
from pam_deploy_graph.report.html.headline import summary_of
from pam_deploy_graph.report.html.shown_text import clean
from pam_deploy_graph.report.html.time_band import WIDTH, strip_of
from pam_deploy_graph.report.html.timeline import timeline_of
from pam_deploy_graph.report.html.version_groups import versions_of
from pam_deploy_graph.report.html.workstation_grid import grid_of
from pam_deploy_graph.report.html.workstations import fleet_of
from pam_deploy_graph.system.shown_time import clock, moment, span

_PACKAGE: Final = "pam_deploy_graph.report.html"
_NO_LOGS: Final[Mapping[str, str]] = {}


def render_html(report: Mapping[str, Any], *, logs: Mapping[str, str] = _NO_LOGS) -> str:
    """写出报告页。

    Args:
        report: ``report_object`` 的结果。
        logs: 工作站地址到日志末尾的文字；没有的不附。

    Returns:
        整个 HTML 文件的文字。外来文字一律经过转义，样式与脚本按散列放行，此外什么也不许载入。

    """
    fleet, entries = fleet_of(report), timeline_of(report)
    causes = causes_of(report, fleet, logs)
    anchors = {ip: cause.anchor for cause in causes for ip in cause.ips}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            lang="en" if language() == EN else "zh-CN",
            summary=summary_of(report, fleet, entries),
            groups=grid_of(fleet, anchors),
            total=len(fleet),
            entries=entries,
            strip=strip_of(entries),
            causes=causes,
            versions=versions_of(report, fleet),
        )
    )


def report_policy() -> str:
    """页面自己的内容安全策略：只放行它写在里面的那一份样式与脚本。"""
    return str(_environment().globals["policy"])


@cache
def _environment() -> Environment:
    """模板引擎：自动转义，先把看不见的字符现形；没有定义的名字是错误。"""
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, moment=moment, span=span)
    style, script = resource("looks.css") + resource("report.css"), resource("report.js")
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"
    environment.globals.update(style=Markup(style), script=Markup(script), strip_width=WIDTH, most_causes=MOST_CAUSES)  # noqa: S704  是本包自己的文件
    environment.globals["tr"] = tr
    environment.globals["policy"] = f"{policy}; form-action 'none'"
    return environment


def resource(name: str) -> str:
    """读一个随包的文件；``looks.css`` 也用在网页控制台里。"""
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """内容安全策略里放行这段文字的写法。"""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
