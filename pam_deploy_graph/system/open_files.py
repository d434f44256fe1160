"""同时打开的文件数：一台进行中的工作站要占几个（连接、管道），许多系统默认只许 1024 个。"""

import resource
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr

_MOST: Final = 65_536
_PER_WORKSTATION: Final = 4
_OTHERS: Final = 200


def allow_many_files() -> None:
    """把本进程（连同它的子进程）的软限制提到硬限制；程序开始干活之前调用，嵌入别人的进程里不调用。"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def check_in_flight(max_parallel: int) -> None:
    """看本机许不许同时推进这么多台。

    Args:
        max_parallel: 同时推进几台。

    Raises:
        InvalidInputError: 文件数的限制不够；消息说出要多少、怎么办。

    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_parallel * _PER_WORKSTATION + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raise InvalidInputError(
            tr(
                "参数 max_parallel 的值 {max_parallel} 要同时打开约 {wanted} 个文件，本机只许 {soft} "
                "个：请先 ulimit -n {wanted}，或减小 --max-parallel",
                max_parallel=max_parallel,
                wanted=wanted,
                soft=soft,
            )
        )
