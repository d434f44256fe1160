"""安装包与图入口的测试：真的打一次包，真的加载一次图。"""

import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools.source import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """用锁定的构建后端打出安装包。"""
    return ZipFile(_build("wheel", PROJECT, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """源码包解开的目录。"""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(_build("sdist", PROJECT, folder)) as archive:
        archive.extractall(folder, filter="data")
    (path,) = (path for path in folder.iterdir() if path.is_dir())
    return path


def _build(target: str, source: Path, folder: Path) -> Path:
    """用锁定的构建后端打一个包，返回它。"""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = (path for path in folder.iterdir() if path.is_file() and path.name != ".gitignore")
    return path


def _on_disk(folder: str) -> set[str]:
    """列出一个目录里的源文件，以相对这个目录的路径表示。"""
    root = PROJECT / folder
    files = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


def _packed(wheel: ZipFile, prefix: str) -> set[str]:
    """列出安装包里一个目录下的文件，以相对这个目录的路径表示。"""
    return {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}


def test_wheel_carries_the_scripts(wheel: ZipFile) -> None:
    """脚本与规程作为包内资源随安装包走，一份不少。"""
    packed = _packed(wheel, "pam_deploy_graph/_resources/doc_scripts/")
    assert packed == _on_disk("doc_scripts")
    assert "pam_action.sh" in packed


def test_wheel_carries_the_package_alone(wheel: ZipFile) -> None:
    """安装包里是全部代码和资源，没有测试与工具。"""
    resources = {f"_resources/doc_scripts/{name}" for name in _on_disk("doc_scripts")}
    assert _packed(wheel, "pam_deploy_graph/") == _on_disk("pam_deploy_graph") | resources
    assert {name.split("/")[0].partition("-")[0] for name in wheel.namelist()} == {"pam_deploy_graph"}


def test_wheel_keeps_scripts_executable(wheel: ZipFile) -> None:
    """脚本入口在安装包里仍带可执行位。"""
    entry = wheel.getinfo("pam_deploy_graph/_resources/doc_scripts/pam_action.sh")
    assert entry.external_attr >> 16 & 0o111


def test_sdist_gives_the_same_wheel(wheel: ZipFile, unpacked: Path, tmp_path: Path) -> None:
    """源码包里有 LangGraph 服务器要的入口，没有运行时留下的东西；从它打出的安装包与直接打的相同。"""
    names = {path.name for path in unpacked.iterdir()}
    assert {"langgraph.json", "graphs", "doc_scripts", "requirements.lock", "tests"} <= names
    assert not names & {"runtime", "logs", "dist", "build", ".venv", ".env"}
    again = ZipFile(_build("wheel", unpacked, tmp_path))
    assert {(item.filename, item.CRC) for item in again.infolist()} == {
        (item.filename, item.CRC) for item in wheel.infolist()
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_from_an_empty_venv(unpacked: Path, tmp_path: Path) -> None:
    """从源码包打出安装包，装进空的虚拟环境（要能连软件源），在别处也走得完演示。"""
    built = _build("wheel", unpacked, tmp_path / "built")
    pins = tmp_path / "constraints.txt"
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    pins.write_text("\n".join(line.rstrip("\\") for line in lock.splitlines() if "==" in line and line[0] != " "))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    subprocess.run([binaries / "pip", "install", "--quiet", "--constraint", pins, built], check=True)
    home = tmp_path / "home"
    done = subprocess.run([binaries / "pam-deploy", "demo", "--yes", "--home", home], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert [path.name for path in (home / "runtime").glob("*.tar")]


def test_langgraph_json_names_a_graph_without_checkpointer() -> None:
    """图入口能加载，而且不带自己的检查点器，否则 LangGraph 服务器拒绝启动。"""
    graphs = json.loads((PROJECT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]
    path, _, name = graphs["pam_deploy"].partition(":")
    spec = importlib.util.spec_from_file_location("entry", PROJECT / Path(path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    graph = getattr(module, name)
    assert graph.checkpointer is None
    assert {"intent", "params", "plan", "global-flow", "ip-flow", "rollback-confirm"} <= set(graph.nodes)
