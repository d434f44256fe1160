"""对话的进行：先给出提示，重的东西在他打字的时候载入；读一句，交给图。"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.cli.desk import Desk, open_desk
from pam_deploy_graph.cli.help_now import IDLE, LEAVE, help_text, is_help, words_at
from pam_deploy_graph.errors import PamError, RunPausedError
from pam_deploy_graph.i18n import msgid, tr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_deploy_graph.cli.talk import Talk
    from pam_deploy_graph.settings import Settings

_WELCOME: Final = msgid(
    "请说要部署什么，例如：把首都机场的 checkin 应用 gate 模块升级到 1.2.3，先灰度 2 台。"
    "「帮助」看此刻能说什么，「退出」结束。"
)
_LOADING: Final = msgid("还在载入，载入好就做。")


def converse(home: Path, *, lab: bool) -> None:
    """对话直到退出；``lab`` 为真时先开一个试验场。"""
    talk: list[Talk] = []

    def words() -> list[str]:
        """此刻可以说的话，按 Tab 补全。"""
        return talk[0].words() if talk else words_at({}, IDLE)

    with open_desk(home, words) as desk, contextlib.ExitStack() as stack:
        desk.doing(tr("载入"))
        early: list[str] = []
        desk.hear = lambda text: _early(desk, early, text)
        talk.append(desk.work(lambda: _open(stack, home, desk, lab=lab)))
        _loop(desk, talk[0], early)


def _early(desk: Desk, early: list[str], text: str) -> None:
    """还没有载入好就说了的一句。"""
    if is_help(text):
        return desk.say(help_text(IDLE))
    early.append(text)
    return desk.say(tr(_LOADING))


def _open(stack: contextlib.ExitStack, home: Path, desk: Desk, *, lab: bool) -> "Talk":
    """载入，打开会话，说出谁已中断、谁等着人。"""
    from pam_deploy_graph.cli.command_session import open_session
    from pam_deploy_graph.cli.options import settings_for
    from pam_deploy_graph.cli.talk import Talk

    settings = stack.enter_context(_lab_settings(home, desk)) if lab else settings_for(home)
    session = stack.enter_context(open_session(home, desk, as_json=False, talking=True, settings=settings))
    found = Talk(session, home, settings)
    found.greet()
    desk.say(tr(_WELCOME))
    return found


def _loop(desk: Desk, talk: "Talk", early: list[str]) -> None:
    """一句一句地读，直到退出。"""
    while True:
        text = early.pop(0) if early else desk.face.read("> ", draft=desk.take_kept())
        if text is None or text.lower() in LEAVE:
            return
        if is_help(text):
            desk.say(help_text(IDLE))
        elif text:
            desk.stop.clear()  # 上一句话里的 Ctrl-C 只停那一次
            try:
                talk.hear(text)
            except RunPausedError as error:
                talk.paused(error)
            except PamError as error:
                desk.say(tr("错误: {error}", error=error))


@contextlib.contextmanager
def _lab_settings(home: Path, desk: Desk) -> "Iterator[Settings]":
    """开一个试验场，备好下一个版本的安装包，返回指向它的设置。"""
    from pydantic import SecretStr

    from pam_deploy_graph.cli.demo_scenario import provision
    from pam_deploy_graph.cli.options import settings_for
    from pam_deploy_graph.lab.launcher import LabProcess

    desk.doing(tr("开试验场"))
    with LabProcess() as lab:
        version = provision(lab)
        settings = settings_for(home, pam_home_url=lab.home_url, pam_token=SecretStr(lab.token), pam_server="")
        desk.say(tr("试验场已开：机场 PEK，8 台工作站装着 checkin/gate 1.2.2，HOME 里有 {version}。", version=version))
        yield settings
