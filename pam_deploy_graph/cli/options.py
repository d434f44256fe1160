"""各命令共用的选项声明，与 ``--json`` 的写法。"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pam_deploy_graph.cli.streams import json_text
from pam_deploy_graph.constants import CONTROLS, Control, Kind
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.safe_text import show_value
from pam_deploy_graph.system.terminal import put, put_json

if TYPE_CHECKING:
    from pam_deploy_graph.settings import Settings


_READS_HOME: Final[dict[Path, bool]] = {}
"""这个命令读不读一个目录的 ``.env``：用 ``--home`` 点了名的读，没有点名的要命令开始时就有账本。"""
_TOLD: Final[set[str]] = set()
_GIVEN: Final[dict[str, str]] = {}
"""这个命令的选项给出的设置。"""
INVENTORY: Final = Annotated[
    Path | None,
    typer.Option("--inventory", help="名称清单（CSV 或 TOML）：名称可以代替 IP，显示时写在 IP 旁边。", metavar="FILE"),
]
SERVER: Final = Annotated[
    str | None, typer.Option("--server", help="经这个 LangGraph 服务器看、经它做；压过 PAM_SERVER。", metavar="URL")
]


def give(**settings: str) -> None:
    """记下这个命令给出的设置：压过环境与文件。"""
    _GIVEN.update(settings)


def knowing_names(command: Callable[..., None]) -> Callable[..., None]:
    """给一个命令加上 ``--inventory``：压过 ``PAM_INVENTORY``（contract 第 8 节）。"""
    return _also(command, "inventory", INVENTORY, lambda file: give(pam_inventory=str(file.absolute())))


def over_server(command: Callable[..., None]) -> Callable[..., None]:
    """给一个命令加上 ``--server``：压过 ``PAM_SERVER``（contract 第 8 节）。"""
    return _also(command, "server", SERVER, lambda url: give(pam_server=url))


def _also(command: Callable[..., None], name: str, option: Any, take: Callable[[Any], None]) -> Callable[..., None]:
    """给一个命令加上一个选项；给了就交给 ``take``，然后照常做。"""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        """记下它，照常做。"""
        if (value := given.pop(name, None)) is not None:
            take(value)
        command(**given)

    plain = inspect.signature(command, eval_str=True).parameters.values()
    known = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in plain]
    more = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=option, default=None)
    called.__signature__ = inspect.Signature([*known, more])  # type: ignore[attr-defined]  # 标准库认这个属性
    called.__annotations__ = {each.name: each.annotation for each in [*known, more]}
    return called


def _home(context: typer.Context, option: typer.CallbackParam, home: Path) -> Path:
    """工作目录的路径要写进账本与配置文件，那里只有 UTF-8。"""
    try:
        str(home).encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            tr("选项 --home 的值 {home} 不是 UTF-8 文字，请换一个目录", home=show_value(str(home)))
        ) from None
    source = context.get_parameter_source(option.name or "")
    if source is not None and source.name != "DEFAULT":
        _READS_HOME[home] = True
    return home


def settings_for(home: Path, **given: Any) -> "Settings":
    """返回命令的设置；没有读的 ``.env`` 在标准错误上说一次。

    Args:
        home: 工作目录。
        **given: 压过环境与文件的值。

    """
    from pam_deploy_graph.inputs.store_file import holds_ledger
    from pam_deploy_graph.settings import Settings

    reads_home = _READS_HOME.setdefault(home, holds_ledger(home))
    settings = Settings.for_command(home.absolute(), reads_home=reads_home, **_GIVEN, **given)
    for sentence in settings.refused:
        if sentence not in _TOLD:
            _TOLD.add(sentence)
            put(tr("注意: {sentence}", sentence=sentence), err=True)
    return settings


Home = Annotated[
    Path,
    typer.Option(
        "--home",
        help="runtime/ 与 logs/ 所在的目录。",
        metavar="DIR",
        resolve_path=True,
        file_okay=False,
        callback=_home,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON。")]
RunId = Annotated[str, typer.Argument(help="运行名。", metavar="RUN_ID")]
Params = Annotated[list[str], typer.Option("--param", help="部署参数，可重复。", metavar="KEY=VALUE")]
ParamsFile = Annotated[
    Path | None, typer.Option("--params", help="参数文件：JSON，或每行一个 KEY=VALUE。", metavar="FILE")
]


def _control_option(row: Control) -> tuple[Any, Any]:
    """一个控制参数的选项：注解与「没有给」的值；值怎样读由检查去说。"""
    if row.kind is Kind.FLAG:
        return Annotated[bool, typer.Option(row.flag, help=row.help)], False
    option = typer.Option(row.flag, help=row.help, metavar=row.metavar)
    return (Annotated[list[str], option], []) if row.kind is Kind.SCOPE else (Annotated[str | None, option], None)


CONTROL_OPTIONS: Final = {row.name: _control_option(row) for row in CONTROLS.values() if row.help}
"""控制参数名到它的选项，由控制参数表派生。"""
OF_ONE_AIRPORT: Final = frozenset({"target_ips", "exclude_ips", "failed_of"})
"""说的是一个机场的工作站，几个机场一起时没有意义。"""
Strategy = CONTROL_OPTIONS["execution_strategy"][0]
Targets = CONTROL_OPTIONS["target_ips"][0]
HERE = Path()


def print_json(value: Any) -> None:
    """把一个命令的全部数据写成一个 JSON 值，到标准输出。"""
    put_json(json_text(value, indent=1))
