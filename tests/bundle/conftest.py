"""整包测试的夹具：造一个光秃秃的根目录，把 ``make bundle`` 的 tar.gz 解在里面。"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.bare_root import BareRoot
from tools.bundle.recipe import BUNDLE, DIST
from tools.source import PROJECT

ARCHIVE = DIST / f"{BUNDLE}.tar.gz"
DEVICES = ("null", "zero", "random", "urandom", "tty", "pts", "ptmx")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareRoot]:
    """只有 glibc、libz、bash、curl、coreutils 与整包的根目录；``/proc`` 与几个设备是本机的。"""
    if not ARCHIVE.is_file():
        pytest.fail(f"没有 {ARCHIVE.relative_to(PROJECT)}：请先 make bundle")
    path = tmp_path_factory.mktemp("bundle") / "root"
    subprocess.run([PROJECT / "packaging" / "bare_root.sh", path], check=True)
    subprocess.run(["tar", "-xzf", ARCHIVE, "-C", path / "opt"], check=True)
    with ExitStack() as mounts:
        _mount(mounts, Path("/proc"), path / "proc")
        for name in DEVICES:
            _mount(mounts, Path("/dev") / name, path / "dev" / name)
        yield BareRoot(path, {"PATH": "/usr/bin:/bin", "HOME": "/root"})


def _mount(mounts: ExitStack, source: Path, target: Path) -> None:
    """把本机的一个文件或目录挂进去，结束时卸下。"""
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    done = subprocess.run(["mount", "--rbind", source, target], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"挂不上 {source}：{done.stderr.strip()}；请用 make bundle-check，它会另开一个挂载命名空间")
    mounts.callback(subprocess.run, ["umount", "--lazy", str(target)], check=True)


@pytest.fixture(scope="session")
def lab(root: BareRoot) -> Iterator[dict[str, Any]]:
    """由整包启动的试验场，16 台工作站；值是它报到的 JSON。"""
    helper = root.helper("lab", "--workstations", "16", "--fault", "10.0.0.2:verify:fail:1")
    yield helper.info
    assert helper.stop() == 0


@pytest.fixture
def pam(root: BareRoot, lab: dict[str, Any]) -> BareRoot:
    """对着这个试验场的整包。"""
    return root.within(PAM_HOME_URL=lab["home_url"], PAM_TOKEN=lab["token"])
