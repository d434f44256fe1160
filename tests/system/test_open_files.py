"""同时打开的文件数：能提的提上去，不够的先说出来。"""

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.open_files import allow_many_files, check_in_flight
allow_many_files()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
try:
    check_in_flight(int(sys.argv[1]))
except InvalidInputError as error:
    print(error)
"""


def limited(limits: str, max_parallel: int) -> list[str]:
    """在给定的限制之下提一提、看一看。"""
    shell = ["bash", "-c", f'ulimit {limits} && exec "$@"', "bash", sys.executable, "-c", CODE, str(max_parallel)]
    return subprocess.run(shell, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_soft_limit_is_raised() -> None:
    """软限制低、硬限制高：提上去就够了。"""
    assert limited("-Sn 256; ulimit -Hn 5000", 1000) == ["5000"]


@pytest.mark.parametrize(("max_parallel", "enough"), [(200, True), (201, False)])
def test_a_low_hard_limit_is_named(max_parallel: int, enough: bool) -> None:  # noqa: FBT001  参数化的期望值
    """硬限制也低：放不下的并发先报错，写出值、要多少、怎么办；放得下的不拦。"""
    raised, *said = limited("-n 1000", max_parallel)
    assert raised == "1000"
    assert not said if enough else all(text in said[0] for text in (str(max_parallel), "1004", "ulimit -n"))
