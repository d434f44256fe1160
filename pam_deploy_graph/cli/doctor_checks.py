"""逐项检查环境；每一项都真的去做，不看版本号猜。"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pam_deploy_graph import __version__
from pam_deploy_graph.cli.check_list import CREDENTIAL, HOME, MCP, Check, cause_among
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.constants import (
    DEFAULT_PARAMS,
    DEFAULT_STRATEGY,
    REQUIRED_PARAMS,
    ScriptExit,
    build_action_backends,
)
from pam_deploy_graph.errors import PamError
from pam_deploy_graph.home.run_files import config_path, trace_path, write_run_config
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.mcp_addresses import read_mcp_urls
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.engine import SQLITE
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.people import open_people
from pam_deploy_graph.policy import open_policy
from pam_deploy_graph.runs.setting_sources import setting_sources
from pam_deploy_graph.script_runner import ScriptActionRunner, select_script_entry
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.resources import packaged_folder, packaged_path
from pam_deploy_graph.system.tls import OTHERS_TRUST, SYSTEM_TRUST

_TRIAL: Final = "doctor"


def examine(home: Path) -> list[Check]:
    """做全部检查。

    Args:
        home: ``runtime/`` 与 ``logs/`` 所在的目录。

    """
    settings = settings_for(home)
    here = [
        *_program(),
        *_sources(settings),
        *_tls(settings),
        _scripts(settings),
        _ledger(settings, home),
        _token(settings),
    ]
    asked = [
        *_pam(settings, cause_among(here, "bash", "curl", tr("证书"), tr("脚本入口"), tr(CREDENTIAL))),
        _mcp(settings, cause_among(here, tr("证书"), tr(CREDENTIAL))),
    ]
    return [*here, *asked, _model(settings), *_policy(settings)]


def _program() -> Iterator[Check]:
    """本程序、它跑在什么上面、它要用的外部程序。"""
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(
        tr("程序"),
        ok=True,
        detail=tr("pam_deploy_graph {version}，Python {python}", version=__version__, python=python),
    )
    yield _platform(sys.platform)
    for name in ("bash", "curl"):
        found = shutil.which(name)
        yield Check(
            name,
            ok=found is not None,
            detail=found or tr("没有找到"),
            advice=tr("请安装 {name}，脚本后端要用它", name=name),
        )


def _sources(settings: Settings) -> Iterator[Check]:
    """设置从哪里来；有没有因为别人写得了而没有读的 ``.env``。"""
    yield Check(tr("设置"), ok=True, detail=setting_sources(settings, settings.home_url()))
    if names := settings.foreign_tracing():
        told = tr("环境里有 {names}：LangGraph 会把对话、参数与计划送往 LangSmith", names=tr("、").join(names))
        yield Check("LangSmith", ok=False, detail=told, advice=tr("不要送出去就 unset 它们"), required=False)
    for sentence in settings.refused:
        yield Check(".env", ok=False, detail=sentence, advice=tr("没有使用它"), required=False)


def _platform(name: str) -> Check:
    """操作系统：只在 Linux 上做过、试过。"""
    advice = tr("只在 Linux 上试过；Windows 上会去找 pam_action.ps1 或 .cmd，而随包没有，要现场自己写")
    return Check(tr("操作系统"), ok=name == "linux", detail=name, advice=advice, required=False)


def _tls(settings: Settings) -> Iterator[Check]:
    """信谁签发的证书；设了站点的 CA 或客户端证书的，看文件用不用得了。"""
    given, trust = settings.tls().environ(), settings.trust_environ()
    where = tr("，").join(f"{name}={trust[name]}" for name in SYSTEM_TRUST if name in trust) or tr("系统的")
    said = [
        tr("只信 PAM_CA_FILE（来自{text}）", text=settings.origin("pam_ca_file").text)
        if settings.pam_ca_file
        else tr("信{where}", where=where)
    ]
    said += [tr("{name} 不算", name=name) for name in OTHERS_TRUST if name in trust]
    yield Check(tr("信任的 CA"), ok=True, detail=tr("；").join(said))
    if not given:
        return
    try:
        settings.tls().context()
    except PamError as error:
        yield Check(
            tr("证书"), ok=False, detail=str(error), advice=tr("请核对 PAM_CA_FILE、PAM_CLIENT_CERT、PAM_CLIENT_KEY")
        )
    else:
        told = tr("，").join(f"{name} {path}" for name, path in given.items())
        yield Check(tr("证书"), ok=True, detail=told)


def _scripts(settings: Settings) -> Check:
    """脚本入口与操作规程。"""
    advice = tr("请重新安装本程序，或用 PAM_SCRIPT_ENTRY 指定入口")
    try:
        entry = select_script_entry(packaged_folder(), override=settings.pam_script_entry)
        packaged_path("PAM_AUTO_DEPLY_SKILL.md")
    except PamError as error:
        return Check(tr("脚本入口"), ok=False, detail=str(error), advice=advice)
    return Check(tr("脚本入口"), ok=Path(entry).is_file(), detail=entry, advice=advice)


def _ledger(settings: Settings, home: Path) -> Check:
    """账本打得开、真的写得进；与检查点各在哪里，几个人看不看得见同一份。错误自己说该检查什么。"""
    url = settings.store_url(home)
    try:
        with contextlib.closing(Ledger(url)) as ledger:
            ledger.try_write()
            count = len(ledger.list_runs())
    except PamError as error:
        return Check(tr("账本"), ok=False, detail=str(error))
    alone = tr("；只有用这个目录的人看得见，几个人管同一座机场请设同一个 PAM_STORE_URL")
    return Check(
        tr("账本"),
        ok=True,
        detail=tr("写得进，已有 {count} 次运行{alone}", count=count, alone=alone if url.startswith(SQLITE) else ""),
    )


def _token(settings: Settings) -> Check:
    """有没有令牌。"""
    token = bool(settings.token())
    advice = tr("请设环境变量 PAM_TOKEN 或 PAM_TOKEN_FILE")
    return Check(tr(CREDENTIAL), ok=token, detail=tr("已设") if token else tr("没有设"), advice=advice)


def _pam(settings: Settings, because: str) -> Iterator[Check]:
    """PAM_HOME 真的答话，令牌真的管用；``because`` 是使它问不成的那一项。"""
    url = settings.home_url()
    if because:
        yield Check(HOME, ok=False, detail=tr("{url}：没有去问", url=url), because=because)
        return
    try:
        settings.check_token_travel(url)
    except PamError as error:
        yield Check(HOME, ok=False, detail=str(error), advice=tr("没有去问，令牌没有离开本机"))
        return
    with tempfile.TemporaryDirectory() as folder:
        params = {**DEFAULT_PARAMS, **dict.fromkeys(REQUIRED_PARAMS, "AAA"), **settings.params()}
        state = trial_state(params, DEFAULT_STRATEGY, Path(folder))
        runner = ScriptActionRunner(
            packaged_folder(),
            token=settings.token(),
            script_entry=settings.pam_script_entry,
            tls=settings.tls(),
        )
        result = runner.run_action(state, "check-home", time_limit=10)
    detail = (
        tr("{url} 版本 {home_version}", url=url, home_version=result.values.get("HOME_VERSION"))
        if result.ok
        else tr("{url}：{error_summary}", url=url, error_summary=result.error_summary)
    )
    advice = (
        tr("请换一个有效的令牌") if result.exit_code == ScriptExit.UNAUTHORISED else tr("请检查 PAM_HOME_URL 与网络")
    )
    yield Check(HOME, ok=result.ok, detail=detail, advice=advice)


def trial_state(params: dict[str, str], strategy: str, folder: Path) -> AgentState:
    """造一个只为问几句话的状态，写出它的配置文件；不登记，什么也不留在账本里。

    Args:
        params: 齐全的部署参数。
        strategy: 执行策略。
        folder: 配置文件与轨迹放在这里，用完即弃。

    """
    state = AgentState(
        run_id=_TRIAL,
        params=params,
        execution_strategy=str(strategy),
        action_backends=build_action_backends(strategy),
        config_path=str(config_path(folder, _TRIAL)),
        trace_file_path=str(trace_path(folder, _TRIAL)),
    )
    write_run_config(state)
    return state


def _mcp(settings: Settings, because: str) -> Check:
    """指定了 MCP 服务的，看它连不连得上、工具合不合用；``because`` 是使它问不成的那一项。"""
    try:
        command, url = settings.mcp_command(), settings.pam_mcp_url
        if not (command or url):
            detail = tr("没有设 PAM_MCP_URL 或 PAM_MCP_COMMAND，运行时用 HOME 给出的")
            return Check(tr(MCP), ok=False, detail=detail, required=False)
        if because:
            return Check(tr(MCP), ok=False, detail=tr("没有去问"), because=because)
        settings.check_token_travel("")
    except PamError as error:
        return Check(tr(MCP), ok=False, detail=str(error), advice=tr("没有去问，令牌没有离开本机"))
    from pam_deploy_graph.mcp_runner import check_server

    urls = {"": ""} if command else read_mcp_urls(url)
    found = [
        check_server(each, command=command, airport=airport, token=settings.token(), tls=settings.tls())
        for airport, each in urls.items()
    ]
    detail = tr("；").join(
        tr("{url} 工具合用", url=one.url) if one.ok else tr("{url}：{reason}", url=one.url, reason=one.reason)
        for one in found
    )
    advice = tr("请检查 {what} 与令牌；mcp-node 可以起一个", what="PAM_MCP_COMMAND" if command else "PAM_MCP_URL")
    return Check(tr(MCP), ok=all(one.ok for one in found), detail=detail, advice=advice)


_VARIABLE: Final = msgid("这个变量本身也要由服务或登录脚本定下：账号自己改得了变量的，仍只是约定")


def _policy(settings: Settings) -> Iterator[Check]:
    """策略与账户文件读得懂，并且管得住当前账号。"""
    for name, path in ((tr("策略文件"), settings.pam_policy), (tr("账户文件"), settings.pam_people)):
        if not path:
            continue
        try:
            open_policy(path) if path == settings.pam_policy else open_people(path)
        except PamError as error:
            yield Check(name, ok=False, detail=str(error), advice=tr("请照消息改正；读不懂时一律不允许"))
            continue
        bound = not any(os.access(each, os.W_OK) for each in (path, Path(path).parent))
        advice = tr("让它与它的目录归另一个账号（例如 root）所有，当前账号只读")
        detail = (
            tr("{path}；{variable}", path=path, variable=tr(_VARIABLE))
            if bound
            else tr("{path}：当前账号改得了它，只是约定，管不住自己", path=path)
        )
        yield Check(name, ok=bound, detail=detail, advice=advice, required=False)


def _model(settings: Settings) -> Check:
    """有没有接模型；没有也行。"""
    if not settings.pam_llm_model:
        return Check(tr("语言模型"), ok=False, detail=tr("用离线规则"), required=False)
    return Check(
        tr("语言模型"),
        ok=True,
        detail=f"{settings.pam_llm_model} @ {settings.openai_base_url or tr('默认地址')}",
        required=False,
    )
