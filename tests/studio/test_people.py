"""有账户文件的服务器：带令牌的才进得来，决定记在他名下，两个口都批准不了；没有账户文件的敞开着。"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.dev_server import DevServer
from examples.stage import FAILING, Stage
from pam_deploy_graph.errors import ServerError
from pam_deploy_graph.graph.remote import ServerThread
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.people import PeopleBook, Person

pytestmark = [pytest.mark.studio, pytest.mark.timeout(180)]
STUDIO = {"x-auth-scheme": "langsmith"}
"""Studio 自报家门的头：开发服务器默认不再核对。"""


@pytest.fixture
def token(tmp_path: Path) -> str:
    """王工的令牌；账户文件在 ``tmp_path``。"""
    book = PeopleBook(people={"王工": Person(roles={"operator": ["PEK"]})})
    made = book.new_token("王工", "desk")
    book.save(tmp_path / "people.json")
    return made


@pytest.fixture
def guarded(stage: Stage, tmp_path: Path, token: str) -> Iterator[DevServer]:
    """有账户文件的服务器。"""
    folder = tmp_path / "home"
    folder.mkdir()
    with DevServer(folder, stage.env | {"PAM_PEOPLE": str(tmp_path / "people.json")}) as running:
        yield running


def test_only_who_is_known(guarded: DevServer, stage: Stage, token: str) -> None:
    """没有令牌、令牌不对、自称 Studio 的都进不来；对的走完，决定记着是谁。"""
    for headers in ({}, {"authorization": f"Bearer {token}x"}, STUDIO):
        assert httpx.post(f"{guarded.url}/threads", json={}, headers=headers).status_code == 401
    with pytest.raises(ServerError, match="401"):
        ServerThread(guarded.url)
    control = {"execution_strategy": "script_only", "target_ips": FAILING}
    with ServerThread(guarded.url, api_key=token) as thread:
        (plan,) = thread.start({"params": stage.params, "control": control})
        (rollback,) = thread.answer(plan, {"decision": "approve", "operator": "李四"})
        assert thread.answer(rollback, "reject") == []
        run_id = thread.values()["run_id"]
    ledger = Ledger(f"sqlite:///{guarded.folder / 'runtime' / 'pam.db'}", look=True)
    decided = {(one.account, one.channel) for one in ledger.decisions(run_id)}
    ledger.close()
    assert decided == {("登录用户 王工", "server")}


def test_a_token_taken_back(guarded: DevServer, tmp_path: Path, token: str) -> None:
    """收回的令牌，下一个请求就不认了；账户文件坏了，谁都进不来。"""
    headers = {"x-api-key": token}
    assert httpx.post(f"{guarded.url}/threads", json={}, headers=headers).status_code == 200
    PeopleBook(people={"王工": Person()}).save(tmp_path / "people.json")
    assert httpx.post(f"{guarded.url}/threads", json={}, headers=headers).status_code == 401
    (tmp_path / "people.json").write_text("{")
    refused = httpx.post(f"{guarded.url}/threads", json={}, headers=headers)
    assert (refused.status_code, "doctor" in refused.text) == (401, True)


def test_no_way_round(server: DevServer) -> None:
    """``/a2a`` 关着：它会把一句话当作回答，批准得了。"""
    (assistant,) = httpx.post(f"{server.url}/assistants/search", json={}).json()
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {}}
    assert httpx.post(f"{server.url}/a2a/{assistant['assistant_id']}", json=call).status_code == 404
