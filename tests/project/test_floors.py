"""依赖下限的测试：安全下限写在 pyproject.toml，锁文件不低于它。"""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tools.source import PROJECT

FLOORS = {
    "langgraph-checkpoint": "4.1.1",
    "langgraph-checkpoint-sqlite": "3.0.1",
    "langchain-core": "1.2.22",
    "langchain-openai": "1.1.14",
    "mcp": "1.30",
}


@pytest.fixture(scope="module")
def declared() -> dict[str, Requirement]:
    """读出 pyproject.toml 声明的运行时依赖。"""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {r.name: r for r in map(Requirement, project["dependencies"])}


@pytest.fixture(scope="module")
def locked() -> dict[str, Version]:
    """读出锁文件钉住的版本。"""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    return {name: Version(version) for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_floor_is_declared(name: str, floor: str, declared: dict[str, Requirement]) -> None:
    """声明的下限不低于安全下限。"""
    lower = [Version(s.version) for s in declared[name].specifier if s.operator == ">="]
    assert lower
    assert max(lower) >= Version(floor)


def test_mcp_stays_below_2(declared: dict[str, Requirement]) -> None:
    """Mcp 2 换了接口，声明里把它挡在外面。"""
    assert Version("2.0.0") not in declared["mcp"].specifier


def test_lock_satisfies_every_requirement(declared: dict[str, Requirement], locked: dict[str, Version]) -> None:
    """锁文件钉住全部运行时依赖，版本都在声明的范围里。"""
    assert {name for name, r in declared.items() if locked[name] not in r.specifier} == set()


def test_lock_has_a_hash_for_every_package(locked: dict[str, Version]) -> None:
    """锁文件里每个包后面都跟着散列。"""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    with_hash = re.findall(r"^([\w.-]+)==[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE)
    assert set(with_hash) == set(locked)
