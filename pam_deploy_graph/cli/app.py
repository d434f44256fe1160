"""命令行的总入口：登记各命令，统一捕获错误。重的东西都在命令里面才导入。"""

import contextlib
import signal
import sqlite3
import sys
import traceback
from types import FrameType, TracebackType
from typing import Annotated, Any, Final

import typer

from pam_deploy_graph import __version__
from pam_deploy_graph.cli.audit import audit
from pam_deploy_graph.cli.campaign import campaign
from pam_deploy_graph.cli.chat import chat
from pam_deploy_graph.cli.decide import cancel, confirm
from pam_deploy_graph.cli.demo import demo
from pam_deploy_graph.cli.doctor import doctor
from pam_deploy_graph.cli.help_pages import Command, Group, completion_in_chinese
from pam_deploy_graph.cli.options import knowing_names, over_server
from pam_deploy_graph.cli.people import people
from pam_deploy_graph.cli.queries import analyze, preview, report, runs, status
from pam_deploy_graph.cli.repair import repair
from pam_deploy_graph.cli.run_and_resume import resume, run
from pam_deploy_graph.cli.streams import stand_in_streams
from pam_deploy_graph.cli.upload import upload
from pam_deploy_graph.cli.usage_errors import usage_problem
from pam_deploy_graph.cli.web import web
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import PamError, RunPausedError
from pam_deploy_graph.i18n import asked_for, tr, use
from pam_deploy_graph.system.terminal import put

_BROKEN_PIPE: Final = 128 + signal.SIGPIPE

app: Final = typer.Typer(
    name="pam-deploy",
    help="面向机场共享工作站的部署智能体。",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    cls=Group,
    no_args_is_help=True,
)

_AT_HOME: Final = (demo, analyze, preview, repair, upload, web, doctor)
for _command in (
    demo,
    chat,
    analyze,
    preview,
    run,
    resume,
    confirm,
    cancel,
    repair,
    status,
    runs,
    report,
    upload,
    web,
    doctor,
):
    _known = knowing_names(_command)
    app.command(cls=Command)(_known if _command in _AT_HOME else over_server(_known))
app.add_typer(people, name="people")
app.add_typer(audit, name="audit")
app.add_typer(campaign, name="campaign")


def _show_version(value: bool) -> None:
    """打印版本。"""
    if value:
        put(__version__)
        raise typer.Exit


VERSION = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="打印版本。")]


@app.callback()
def _root(_version: VERSION = False) -> None:
    """面向机场共享工作站的部署智能体。"""


def main() -> None:
    """命令行入口；以退出码结束进程。终端关掉或被要求结束时照样收拾，不留下试验场之类的子进程。"""
    use(asked_for(sys.argv[1:]))
    stand_in_streams()
    sys.excepthook = _masked_trace
    for kind in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(kind) is not signal.SIG_IGN:  # nohup 之下，终端关了也照样做
            signal.signal(kind, _leave)
    try:
        with completion_in_chinese(sys.argv):
            code = app(standalone_mode=False)
    except PamError as error:
        _fail(str(error), error.exit_code, wrong=not isinstance(error, RunPausedError))
    except (OSError, sqlite3.DatabaseError) as error:
        _fail(_storage_problem(error), ExitCode.STOPPED)
    except SystemExit as left:  # 读的一方走了（管道断了），click 以 1 离开；1 只留给缺陷
        sys.exit(_BROKEN_PIPE if left.code == 1 else left.code)
    except typer.Abort:
        _fail(tr("已中断；用 status 查看停在哪里，用 resume 继续"), ExitCode.STOPPED)
    except Exception as error:
        # typer 有的版本自带一份 click，没有公开的用法错误类型可捕获；以它的接口辨认，其余原样抛出
        if not hasattr(error, "format_message"):
            raise
        _misused(error)
    else:
        sys.exit(code or 0)


def _storage_problem(error: Exception) -> str:
    """说明读写什么不成、怎么办；LangGraph 的检查点直接用 sqlite3，错误也从那里来。"""
    if not isinstance(error, OSError):
        return tr("检查点读写不成：{error}；请检查磁盘，或移走检查点文件再 resume，会从账本继续", error=error)
    where = tr(" {filename} ", filename=error.filename) if error.filename else ""
    return tr("读写{where}不成：{problem}；请检查磁盘、权限与网络", where=where, problem=error.strerror or error)


def _masked_trace(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """缺陷的回溯也过遮盖之门。"""
    put("".join(traceback.format_exception(kind, error, trace)), err=True, end="")


def _misused(error: Any) -> None:
    """说明用法哪里不对；没有给出命令的，帮助就是答案。"""
    if type(error).__name__ != "NoArgsIsHelpError":
        _fail(tr("用法不对：{usage_problem}；用 --help 查看用法", usage_problem=usage_problem(error)), ExitCode.USAGE)
    with contextlib.suppress(OSError):
        put(error.format_message(), err=True)
    sys.exit(int(ExitCode.USAGE))


def _leave(number: int, _frame: FrameType | None) -> None:
    """按惯例的退出码离开，沿途的清理都会做。"""
    sys.exit(128 + number)


def _fail(message: str, code: int, *, wrong: bool = True) -> None:
    """把错误写到标准错误并结束；那里也写不出去时，退出码照样说明一切。照人的话停下（``wrong`` 为假）不是错误。"""
    with contextlib.suppress(OSError):
        put(f"{(tr('错误: ') if wrong else '')}{message}", err=True)
    sys.exit(int(code))
