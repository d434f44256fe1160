"""启动要快、依赖要准：在干净的子进程里看一句导入带进了哪些库。"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"langgraph", "langchain_core", "langchain_openai", "mcp", "sqlalchemy", "pydantic", "aiohttp"}

LIST_MODULES = "import json, sys, {module}; print(json.dumps(list(sys.modules)))"


def _libraries_after(module: str, cwd: Path) -> set[str]:
    """在新的解释器里导入一个模块，返回载入的顶层模块名。"""
    command = [sys.executable, "-c", LIST_MODULES.format(module=module)]
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    ("arguments", "by_typer"),
    [
        (["--help"], set()),
        (["run", "--help"], {"pydantic"}),
        (["demo", "--help"], {"pydantic"}),
        (["lab", "--help"], {"pydantic"}),
    ],
    ids=str,
)
def test_help_imports_nothing_heavy(arguments: list[str], by_typer: set[str], tmp_path: Path) -> None:
    """求助信息不载入重的库；typer 自己解析子命令时要用的不算。"""
    command = [sys.executable, "-X", "importtime", "-m", "pam_deploy_graph", *arguments]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported & HEAVY <= by_typer


def test_cli_imports_nothing_heavy(tmp_path: Path) -> None:
    """导入命令行这一层不载入任何重的库。"""
    assert _libraries_after("pam_deploy_graph.cli", tmp_path) & HEAVY == set()


@pytest.mark.parametrize("module", ["agent", "flows", "ledger", "action_router", "report"])
def test_langgraph_stays_out(module: str, tmp_path: Path) -> None:
    """自己掌舵的代码用不着 LangGraph，导入时也就不载入它。"""
    imported = _libraries_after(f"pam_deploy_graph.{module}", tmp_path)
    assert "pam_deploy_graph" in imported
    assert "langgraph" not in imported
