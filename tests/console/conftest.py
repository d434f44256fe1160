"""控制台测试的夹具：一间屋，一次停在等决定上的运行，登录了的浏览器。"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from pam_deploy_graph.people import PeopleBook, Person
from tests.console.browser import Browser, Site
from tests.graph.desk import Desk

POLICY = """\
[[rule]]
request = ["role:ask", "role:lead"]
approve_plan = ["role:lead"]
approve_rollback = ["role:lead"]
"""
PASSWORD = "pass"
PEOPLE = {"li": "ask", "wang": "lead", "chen": "lead", "zhao": "view"}


@pytest.fixture(scope="session")
def book() -> PeopleBook:
    """四个人，口令都一样；散列用最省的参数，免得每次核对几十毫秒。"""
    made = PeopleBook(people={name: Person(roles={role: ["*"]}) for name, role in PEOPLE.items()})
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    for person in made.people.values():
        person.password = cheap
    return made


@pytest.fixture
def make_site(desk: Desk, tmp_path: Path, book: PeopleBook) -> Iterator[Callable[..., Site]]:
    """开一间屋；``staffed`` 为真时有账户文件与策略。"""
    made: list[Site] = []

    def open_site(*, staffed: bool = True) -> Site:
        """对着 ``desk`` 的账本。"""
        given = {}
        if staffed:
            book.save(tmp_path / "people.json")
            (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
            given = {"pam_people": str(tmp_path / "people.json"), "pam_policy": str(tmp_path / "policy.toml")}
        made.append(Site(tmp_path, desk, given))
        return made[-1]

    yield open_site
    for site in made:
        site.close()


@pytest.fixture
def alone(make_site: Callable[..., Site]) -> Browser:
    """一个人的工具，已经进来了。"""
    return make_site(staffed=False).enter()


@pytest.fixture
def staffed(make_site: Callable[..., Site]) -> Site:
    """有账户与策略的。"""
    return make_site()
