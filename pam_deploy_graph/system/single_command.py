"""只有一个命令的程序：``lab`` 与 ``mcp-node`` 作为助手进程直接启动，不必导入整个命令行。"""

import sys
from collections.abc import Callable

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.i18n import asked_for, tr, use, without_language
from pam_deploy_graph.system.terminal import put


def run_single(command: Callable[..., None]) -> int:
    """以本进程的命令行参数运行一个命令。

    Args:
        command: 命令函数，参数按 typer 的写法标注。

    Returns:
        退出码；意料之中的错误写到标准错误。

    """
    import typer

    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(command)
    use(asked_for(sys.argv[1:]))
    try:
        app(without_language(sys.argv[1:]))
    except PamError as error:
        put(tr("错误: {error}", error=error), err=True)
        return error.exit_code
    return 0
