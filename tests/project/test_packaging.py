"""安装包与图入口的测试：真的打一次包，真的加载一次图。"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools.source import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """用锁定的构建后端打出安装包。"""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return ZipFile(path)


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
