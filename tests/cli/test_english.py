"""说英文：``--lang en`` 或区域设置是英文的，帮助、消息、问题、报告里没有一个汉字；说中文照旧。"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

import pam_deploy_graph.__main__  # noqa: F401 导入它才会挂上 lab 与 mcp-node
from pam_deploy_graph.cli.app import app
from pam_deploy_graph.cli.help_now import IDLE, RUNNING, help_text
from pam_deploy_graph.i18n import EN, ZH, asked_for, use, without_language
from pam_deploy_graph.llm import RuleBasedLlmClient
from tests.cli.program import Done, Pam
from tests.cli.site import Site
from tools.catalogue import CJK

ENGLISH = {"LANG": "en_US.UTF-8"}


@pytest.fixture
def in_english() -> Iterator[None]:
    """这个进程说英文，用完换回来。"""
    use(EN)
    yield
    use(ZH)


def commands() -> Iterator[tuple[str, Any]]:
    """每个命令，连同它的名字。"""
    pending: list[tuple[str, Any]] = [("pam-deploy", get_command(app))]
    while pending:
        name, command = pending.pop()
        pending += [(f"{name} {child}", sub) for child, sub in getattr(command, "commands", {}).items()]
        yield name, command


def chinese(text: str) -> list[str]:
    """里面有汉字或全角标点的各行。"""
    return [line for line in text.splitlines() if CJK.search(line)]


def test_every_help_page(in_english: None) -> None:
    """每一页帮助都是英文，都有 ``--lang``；中文的那一份不受影响。"""
    for name, command in commands():
        page = command.get_help(command.context_class(command, info_name=name))
        assert (chinese(page), "--lang" in page, "Usage:" in page) == ([], True, True), name
    use(ZH)
    pages = [command.get_help(command.context_class(command, info_name=name)) for name, command in commands()]
    assert all("--lang" in page and "用法:" in page and chinese(page) for page in pages)


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (["--lang", "en", "status"], EN),
        (["status", "--lang", "en"], EN),
        (["status", "--lang=en"], EN),
        (["status", "--lang", "en", "--lang", "zh"], ZH),
        (["status", "--lang", "fr"], ZH),
        (["analyze", "--", "--lang", "en"], ZH),
        (["status", "--lang"], ZH),
    ],
)
def test_the_option_wherever_it_stands(argv: list[str], wanted: str) -> None:
    """写在命令名之前或之后都算，最后一个说了算；``--`` 之后的是别人的话。"""
    assert asked_for(argv) == wanted


def test_the_option_is_taken_away() -> None:
    """不认得 ``--lang`` 的程序收不到它。"""
    assert without_language(["--port", "0", "--lang", "en", "--state", "x"]) == ["--port", "0", "--state", "x"]


@pytest.mark.parametrize("moment", [IDLE, RUNNING])
def test_what_help_offers_is_understood(moment: str, in_english: None) -> None:
    """英文的帮助里列的话，听得懂。"""
    rows = [line.strip().split(" — ")[0] for line in help_text(moment).splitlines() if " — " in line]
    heard = {said: RuleBasedLlmClient().understand_request(said).intent for said in rows if said != "quit"}
    assert {said for said, intent in heard.items() if intent == "unknown"} == set()


def spoken(done: Done, *codes: int) -> Done:
    """结局如所料，说的都是英文。"""
    assert done.code in codes, done
    assert chinese(done.out + done.err) == []
    return done


def test_a_night_in_english(site: Site) -> None:
    """推出一次，等人批准，看，答，接着做，报告：一个汉字也没有。"""
    pam = Pam(site.pam._zygote, site.pam.folder, site.pam.env | ENGLISH)
    site.pam = pam
    site.take(1)
    told = spoken(site.run("--max-parallel", 2), 10)
    code = re.search(r"--digest ([0-9a-f]{10,})", spoken(pam("status", site.run_id), 0).out)
    assert code, told
    spoken(pam("confirm", site.run_id, "--approve", "--digest", code[1], "--note", "seen"), 0)
    ended = spoken(pam("resume", site.run_id), 0)
    assert "Result: all done, 1 workstation" in ended.err
    for argv in (["runs"], ["report", site.run_id], ["audit", "verify"]):
        spoken(pam(*argv), 0)
    story = pam("status", site.run_id, site.ips[0]).out  # 试验场的应答照它说的写，它说中文
    assert "Now: succeeded SUCCESS; not rolled back ROLLBACK_NOT_RUN" in story
    page = pam("report", site.run_id, "--format", "html").out.split("<script>")[0]
    assert chinese(page) == []
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["statu", "--lang", "en"], "no such command statu; did you mean status"),
        (["--lang", "en", "status", "nope"], "there is no run nope"),
        (["cancel", "nope", "--lang", "en"], "there is no run nope"),
        (["run", "--lang", "en", "--canary", "x"], "1% to 100%"),
        (["runs", "--lang", "fr"], "应为 'zh', 'en' 之一"),
        (["runs", "--lang", "zh"], "还没有任何运行"),
    ],
)
def test_errors(argv: list[str], said: str, pam: Pam) -> None:
    """用法与输入的错误也说要的语言；不认得的语言说出有哪几种。"""
    home = [] if argv[0] == "statu" else ["--home", str(pam.home)]
    done = pam.job(["pam_deploy_graph", *argv, *home]).wait()
    assert said in done.out + done.err
    assert ("en" in argv) != bool(chinese(done.out + done.err))


def test_analyze_and_preview(pam: Pam) -> None:
    """听懂的经过、预演也是英文；原话照引。"""
    told = pam.job(
        ["pam_deploy_graph", "analyze", "upgrade module gate of checkin at PEK to 1.2.3"], env=ENGLISH
    ).wait()
    assert (told.code, chinese(told.out)) == (0, [])
    assert re.search(r"Intent: deploy", told.out)
    params = ("AIRPORT_CODE=PEK", "APP_NAME=checkin", "MODULE_NAME=gate", "VERSION_NUMBER=1.2.3")
    pairs = [part for pair in params for part in ("--param", pair)]
    shown = pam.job(["pam_deploy_graph", "preview", *pairs, "--strategy", "fake"], env=ENGLISH).wait()
    assert (shown.code, chinese(shown.out)) == (0, [])
