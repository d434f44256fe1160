"""``python -m pam_deploy_graph.lab``：只有 ``lab`` 一个命令的程序。"""

import sys

import typer

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.lab.command import lab


def main() -> int:
    """运行 ``lab``；意料之中的错误写到标准错误，返回它的退出码。"""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(lab)
    try:
        app()
    except PamError as error:
        sys.stderr.write(f"错误：{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
