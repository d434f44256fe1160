"""一次运行的文件：默认路径、运行名、给脚本读的配置文件。"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Protocol

from pam_deploy_graph.config_writer import write_config
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.private_files import refuse_planted


class RunFiles(Protocol):
    """找得到日志目录的状态；``AgentState`` 即满足。"""

    run_id: str
    trace_file_path: str


def run_ids() -> Iterator[str]:
    """给出按当前时间取的运行名，形如 ``20260101_120000``；一个用过了就取下一个，加上序号，没有尽头。"""
    stem = datetime.now().astimezone().strftime("%Y%m%d_%H%M%S")
    yield stem
    for number in count(2):
        yield f"{stem}_{number}"


def unused_run_id(taken: Callable[[str], bool]) -> str:
    """按当前时间取一个 ``taken`` 说还没有用过的运行名。

    名字要过一会儿才登记，光看有没有登记不够：同一秒里的两个会话会取到同一个，后一个就接管了前一个的运行。
    所以带上随机的尾巴，形如 ``20260101_120000_3f9a2c``。
    """
    names = (f"{stem}_{secrets.token_hex(3)}" for stem in run_ids())
    return next(name for name in names if not taken(name))


def config_path(home: Path, run_id: str) -> Path:
    """配置文件的默认位置。"""
    return home / "runtime" / f"config_{run_id}.txt"


def trace_path(home: Path, run_id: str) -> Path:
    """调用轨迹的默认位置。"""
    return home / "logs" / f"api_trace_{run_id}.log"


def log_folder(state: RunFiles) -> Path:
    """这次运行存放工作站日志的目录。"""
    return Path(state.trace_file_path).parent / state.run_id


def refuse_planted_files(state: RunFiles) -> None:
    """轨迹、日志目录与里面的日志都不能是别人放好的链接：写下去的就不是我们以为的文件。

    Raises:
        InvalidInputError: 有一处不能用；消息说明是哪里、怎么办。

    """
    folder = log_folder(state).absolute()
    try:
        refuse_planted(Path(state.trace_file_path).absolute())
        for place in (folder, *_links_in(folder)):
            refuse_planted(place)
    except OSError as error:
        raise InvalidInputError(
            tr("{filename} 不能用：{problem}", filename=error.filename, problem=error.strerror)
        ) from None


def _links_in(folder: Path) -> list[Path]:
    """目录里的链接。"""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_symlink()]
    return []


def write_run_config(state: AgentState) -> None:
    """写出脚本读的配置文件：部署参数，加上运行名、日志目录和（已知时）节点地址。"""
    extra = {"RUN_ID": state.run_id, "LOG_DIR": str(log_folder(state))}
    if state.node_url:
        extra["NODE_URL"] = state.node_url
    write_config({**state.params, **extra}, state.config_path)


def remove_run_config(state: AgentState) -> None:
    """用完了，去掉脚本读的配置文件；再要用时照账本重写。"""
    with contextlib.suppress(OSError):
        Path(state.config_path).unlink(missing_ok=True)
