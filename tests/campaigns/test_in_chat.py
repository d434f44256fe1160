"""对话里几个机场一起做：一句话、一次批准；等人的就地问；看进度、取消说话就行；经服务器也一样（contract 第 8 节）。"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.lab.launcher import LabProcess
from tests.campaigns.test_campaign import AIRPORTS, BAD, Fleet
from tests.cli.program import MODULE, ROOT, Done, Pam, Zygote
from tests.patience import patience

SENTENCE = "把首都、浦东、白云三个机场的 checkin gate 升到 {version}，先首都，没问题再其余，同时两个机场，用脚本方式"


def chat(pam: Pam, *said: str) -> Done:
    """说几句，退出。"""
    argv = [sys.executable, "-m", MODULE, "chat", "--home", str(pam.home)]
    env = pam.env | {"PYTHONPATH": str(ROOT)}
    words = "\n".join([*said, "退出", ""])
    done = subprocess.run(
        argv, input=words, env=env, cwd=pam.folder, capture_output=True, text=True, check=False, timeout=patience(90)
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabProcess]:
    """三个机场的试验场。"""
    with LabProcess(airports=AIRPORTS, workstations=2) as running:
        yield running


@pytest.fixture
def fleet(zygote: Zygote, lab: LabProcess, tmp_path: Path) -> Iterator[Fleet]:
    """对着它的命令行。"""
    yield Fleet(Pam(zygote, tmp_path, {"PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token}), lab)
    lab.clear_faults()


def test_one_sentence_one_approval(fleet: Fleet) -> None:
    """试点有一台失败：就地问，拒绝回滚；试点没有全部做好，确认了才做其余的；每个效果恰好一次。"""
    fleet.lab.add_fault(f"{BAD}:verify:fail:1")
    said = f"{SENTENCE.format(version=fleet.version)}，安装包在 {fleet.package}"
    done = chat(fleet.pam, said, "到哪了呀", "同意", "拒绝", "确认", "到哪了")
    assert (done.code, "依次 PEK、PVG、CAN；同时 2 个机场；先试 PEK" in done.err) == (0, True), done.err
    assert "没有听作批准或拒绝" in done.err
    assert done.err.count("的计划（摘要") == 1, done.err
    assert "试点没有全部做好" in done.err, done.err
    assert "结束 3/3 个机场" in done.out, done.out
    effects = fleet.effects()
    assert set(effects.values()) == {1}
    assert sum(":deploy-ip:" in key for key in effects) == 2 * len(AIRPORTS)


def test_left_looked_at_and_cancelled(fleet: Fleet) -> None:
    """不答就停在那里；缺的先问；换一次对话点名回到它；取消先说代价，确认了各机场都取消，什么也没有改变。"""
    done = chat(
        fleet.pam,
        "首都和浦东的 checkin gate 要升级，用脚本方式",
        f"版本 {fleet.version}，安装包在 {fleet.package}",
        "退出",
    )
    assert (done.code, "还等着批准：说「继续」" in done.err) == (0, True), done.err
    name = done.err.partition("多机场部署 ")[2].partition("：")[0]
    again = chat(fleet.pam, f"{name} 到哪了", "取消", "不", "取消", "确认")
    assert "等批准计划" in again.err, again.err
    assert again.err.count("没有开工的都不再做") == 2, again.err
    assert "PVG 已取消" in again.err, again.err
    assert not fleet.effects()


def test_doubtful_words_are_asked(fleet: Fleet) -> None:
    """听不准是不是一起做的先问，不确认就照一座机场的问；点了工作站的说清楚。"""
    done = chat(fleet.pam, "首都的 checkin gate 升到 9.9.9，浦东不动，用脚本方式", "不", "取消")
    assert (done.code, "一份计划、一次批准" in done.err) == (0, True), done.err
    assert "没有照做" in done.err
    named = chat(fleet.pam, "首都、浦东两个机场 checkin gate 升到 9.9.9，只做 10.0.0.1")
    assert "不能点名工作站" in named.err, named.err
    assert not fleet.effects()
