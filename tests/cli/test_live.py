"""活动的屏幕：真的伪终端里看得见什么（docs/terminal.md 的几幕），与不联网就试得出的零件。"""

from pathlib import Path

import pytest

from pam_deploy_graph.cli.help_now import help_at, is_help, words_at
from pam_deploy_graph.cli.live_face import fold
from tests.cli.program import Pam
from tools.source import PROJECT
from tools.terminal.page import PAGE, drifted, section, sections
from tools.terminal.scenes import SCENES, play

QUICK = ("粘贴工单",)
"""天天跑的；别的在标记 ``terminal`` 后面。"""
QUESTION = {"ask": "rollback-ip", "allowed_decisions": ["reject", "retry"]}


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(n, marks=pytest.mark.terminal) for n in SCENES if n not in QUICK)]
)
def test_scene(name: str) -> None:
    """演一幕：该看见的都看见了，画面与 docs/terminal.md 上的一样。"""
    page = sections((PROJECT / PAGE).read_text(encoding="utf-8"))
    fresh = section(name, play(name))
    assert not drifted(name, fresh, page), f"「{name}」变了；看过之后运行 make terminal：\n{fresh}"


def test_help_names_only_what_the_question_offers() -> None:
    """帮助与补全只列这个问题给出的回答。"""
    assert is_help("帮助") and is_help("?") and not is_help("帮助我把 gate 升级")  # noqa: PT018  一句话的三面
    told = help_at(QUESTION)
    assert "重试" in told
    assert "回到这次运行之前的样子" not in told
    assert "同意" not in words_at(QUESTION, "idle")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_line_is_folded_not_cut(width: int) -> None:
    """窄的终端里进度折成几行，一个字也不少。"""
    line = "14/40 · 进行中 10.3.2.17 A12 柜台 deploy-ip 已 47 秒 · 失败 1 · 停用 0 · 已用 1:32"
    assert fold(line, width).replace("\n", " · ") == line


def test_a_mistyped_command(pam: Pam) -> None:
    """打错的命令：说出他多半想说的那一个。"""
    done = pam("rnu")
    assert (done.code, "没有命令 rnu，你是不是想说 run" in done.err) == (2, True)


def test_completion_installs(pam: Pam, tmp_path: Path) -> None:
    """补全装得上，说的是中文；帮助里没有英文的说明。"""
    done = pam.job(["pam_deploy_graph", "--install-completion", "bash"], env={"HOME": str(tmp_path)}).wait()
    assert (done.code, "的补全装在" in done.out, "新开一个终端" in done.out) == (0, True, True), done
    told = pam.job(["pam_deploy_graph", "run", "--help"]).wait().out
    assert ("显示这段帮助" in told, "Usage" in told, "Show this" in told) == (True, False, False)
