"""``--server``：两位操作员在两台主机上，各有自己的目录，只共一个服务器；看到的、做到的与在本机一样。"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.dev_server import DevServer
from examples.stage import FAILING, Stage
from pam_deploy_graph.graph.remote import ServerThread
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.runs.access import thread_of
from tests.cli.program import MODULE, ROOT, Done, Job, Pam, Zygote
from tests.on_host import ON_HOST, may_unshare
from tests.patience import patience
from tests.postgres.server import PostgresServer

pytestmark = [pytest.mark.studio, pytest.mark.timeout(240)]
PEOPLE = ("王工", "李工", "服务")
"""最后一个是服务器自己，排下一个作业用。"""
JOB_SECONDS = 3


class Operator:
    """一位操作员：自己的主机名与目录，一个令牌，没有数据库的地址，也没有 PAM 的令牌。"""

    def __init__(self, pam: Pam, host: str) -> None:
        """``host`` 为空就是本机。"""
        self.pam, self.host = pam, host

    def start(self, *args: object) -> Job:
        """开始一个命令。"""
        argv = [MODULE, *map(str, args), "--home", str(self.pam.home)]
        return self.pam.job([str(ON_HOST), self.host, *argv] if self.host else argv)

    def __call__(self, *args: object) -> Done:
        """做完一个命令。"""
        return self.start(*args).wait()

    def status(self, run_id: str) -> dict[str, Any]:
        """JSON 处境。"""
        found: dict[str, Any] = self("status", run_id, "--json").json()
        return found


@pytest.fixture(scope="module")
def server(stage: Stage, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """账本在 PostgreSQL、认人的服务器；安装包已经在 HOME。"""
    folder = tmp_path_factory.mktemp("server")
    book = PeopleBook(people={name: Person(roles={"operator": ["PEK"]}) for name in PEOPLE})
    for name in PEOPLE:
        (folder / f"{name}.token").write_text(book.new_token(name, "desk") + "\n", encoding="utf-8")
    book.save(folder / "people.json")
    env = stage.env | {"PAM_PEOPLE": str(folder / "people.json"), "PAM_STORE_URL": postgres.new_database()}
    pairs = [part for name, value in stage.params.items() for part in ("--param", f"{name}={value}")]
    upload = [sys.executable, "-m", MODULE, "upload", *pairs, "--home", str(folder / "packages")]
    subprocess.run(upload, check=True, env=os.environ | stage.env, cwd=ROOT)
    env |= {"PAM_SERVER": "{url}", "PAM_SERVER_TOKEN_FILE": str(folder / "服务.token")}
    env |= {"PAM_JOB_SECONDS": str(JOB_SECONDS), "PAM_REQUIRE_SHARED_STORE": "1"}
    with DevServer(folder, env) as running:
        yield running


@pytest.fixture
def operators(zygote: Zygote, server: DevServer, tmp_path: Path) -> list[Operator]:
    """王工与李工。"""
    hosts = ("desk-a", "desk-b") if may_unshare() else ("", "")

    def operator(name: str, host: str) -> Operator:
        """一位。"""
        folder = tmp_path / (host or name)
        folder.mkdir()
        env = {"PAM_SERVER": server.url, "PAM_SERVER_TOKEN_FILE": str(server.folder / f"{name}.token")}
        return Operator(Pam(zygote, folder, env), host)

    return [operator(name, host) for name, host in zip(PEOPLE[:2], hosts, strict=True)]


@pytest.fixture
def argv(stage: Stage) -> Callable[..., list[str]]:
    """``run`` 的参数；安装包已经在 HOME，不给。"""

    def made(run_id: str, *more: str) -> list[str]:
        """一次。"""
        names = {name: value for name, value in stage.params.items() if name != "PACKAGE_PATH"}
        pairs = [part for name, value in names.items() for part in ("--param", f"{name}={value}")]
        return ["run", *pairs, "--strategy", "script_only", "--force", "--run-id", run_id, *more]

    return made


def test_one_asks_the_other_approves(
    operators: list[Operator], argv: Callable[..., list[str]], stage: Stage, server: DevServer
) -> None:
    """一位提出，另一位批准、决定回滚；处境与报告从两处看都一样；决定记在令牌的主人名下。"""
    mine, theirs = operators
    asked = mine(*argv("shared"))
    assert (asked.code, "等人决定：confirm shared --approve" in asked.err) == (10, True), asked.err
    (plan,) = theirs.status("shared")["waiting"]
    done = theirs("confirm", "shared", "--approve", "--digest", plan["digest"][:12], "--json")
    assert (done.code, done.json()["account"]) == (0, "登录用户 李工"), done.err
    rolled = mine("resume", "shared")
    assert (rolled.code, "[1/3] 10.0.0.1 完成" in rolled.err) == (10, True), rolled.err
    assert theirs("confirm", "shared", "--approve", "--ip", FAILING, "--note", "先退").code == 0
    ended = mine("resume", "shared")
    assert (ended.code, ended.out.startswith("## PAM 智能部署报告")) == (11, True), ended.err
    for command in (["status", "shared"], ["report", "shared"], ["status", "shared", FAILING], ["runs"]):
        told = [operator(*command) for operator in operators]
        assert told[0].code == 0
        assert told[0].out == told[1].out
    found = mine("report", "shared", "--format", "json").json()
    assert {one["account"] for one in found["decisions"]} == {"登录用户 李工"}
    assert found["ips"][FAILING]["rollback"] == "ROLLBACK_DONE"
    assert "<!doctype html>" in mine("report", "shared", "--format", "html").out
    assert {path.name for operator in operators for path in operator.pam.home.rglob("*.db")} == set()
    assert not (server.folder / "runtime" / "pam.db").exists()
    assert stage.rollbacks() == [FAILING]


def test_approved_in_advance_one_event_a_line(operators: list[Operator], argv: Callable[..., list[str]]) -> None:
    """``--yes --json``：一行一个事件，与在本机一样；再来同名的不收；做完的再 resume 只给退出码。"""
    mine, _ = operators
    done = mine(*argv("ahead", "--yes", "--json", "--targets", "10.0.0.1"))
    kinds = [event["type"] for event in done.events()]
    assert (done.code, kinds[0], kinds[-2:]) == (0, "PLAN_APPROVED", ["RUN_FINISHED", "ENDED"]), done.err
    again = mine(*argv("ahead", "--yes", "--targets", "10.0.0.1"))
    assert (again.code, "运行 ahead 已经有了" in again.err) == (2, True)
    assert mine("resume", "ahead").code == 0


def test_stopped_by_the_client_and_cancelled_by_another(
    operators: list[Operator], argv: Callable[..., list[str]], stage: Stage
) -> None:
    """Ctrl-C 让服务器停下，进行中的做完，记下是谁；另一位看着它，取消它。"""
    mine, theirs = operators
    stage.lab.add_fault("10.0.0.1:deploy:slow=4:1")
    job = mine.start(*argv("halted", "--yes"))
    deadline = time.monotonic() + patience(40)
    while "10.0.0.1 开始" not in job.text():
        assert time.monotonic() < deadline, job.text()
        time.sleep(0.1)
    assert theirs.status("halted")["phase"] == "running"
    held = theirs("resume", "halted")
    assert (held.code, "正由服务器推着" in held.err) == (2, True)
    job.interrupt()
    stopped = job.wait()
    assert (stopped.code, "resume halted" in stopped.err) == (12, True), stopped.err
    assert theirs.status("halted")["phase"] == "interrupted"
    gone = theirs("cancel", "halted", "--json").json()
    assert (gone["cancelled_by"], gone["owed"]) == ("李工", [])
    assert mine.status("halted")["reason"] == "李工 取消了这次运行"


def test_talking(operators: list[Operator], server: DevServer) -> None:
    """对话：缺的问，计划就地批准，做完说报告；问进度照账本答。"""
    mine, _ = operators
    said = "把首都机场的 checkin gate 升到 2.0.0，用脚本方式，只做 10.0.0.3，强制重装\n同意\n到哪了\n退出\n"
    env = mine.pam.env | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "chat", "--home", str(mine.pam.home)],
        input=said,
        env=env,
        cwd=mine.pam.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(60),
    )
    assert (done.returncode, "[1/1] 10.0.0.3 完成" in done.stderr) == (0, True), done.stderr
    assert done.stdout.count("## PAM 智能部署报告") == 2


def test_what_is_refused(operators: list[Operator], argv: Callable[..., list[str]], server: DevServer) -> None:
    """没有令牌进不来；令牌不明着过网；要本机账本的命令不做；安装包、没有的运行，各说各的。"""
    mine, _ = operators
    pam = mine.pam
    bare = {name: value for name, value in pam.env.items() if name != "PAM_SERVER_TOKEN_FILE"}
    nobody = Operator(Pam(pam._zygote, pam.folder, bare), "")("runs")
    assert (nobody.code, "不让进" in nobody.err) == (12, True), nobody.err
    clear = pam("runs", "--server", "http://10.9.9.9:8000")
    assert (clear.code, "不明着过网" in clear.err) == (2, True), clear.err
    for command in (["audit", "verify"], ["repair", "x"]):
        assert "账本所在的机器" in (told := pam(*command)).err, told.err
        assert told.code == 2
    with_package = mine(*argv("pack", "--param", f"PACKAGE_PATH={ROOT / 'Makefile'}"))
    assert (with_package.code, "upload" in with_package.err) == (2, True)
    assert [mine(command, "none").code for command in ("status", "resume", "cancel")] == [2, 2, 2]
    away = pam("runs", "--server", "http://127.0.0.1:1")
    assert (away.code, "连不上" in away.err) == (12, True), away.err


def test_a_job_hands_on_to_the_next(operators: list[Operator], argv: Callable[..., list[str]], stage: Stage) -> None:
    """作业做够了就把下一个排上：推出不受打扰，客户端看到的是一次，每个效果一次。"""
    mine, _ = operators
    targets = ["10.0.0.1", "10.0.0.3"]
    for ip in targets:
        stage.lab.add_fault(f"{ip}:deploy:slow=6:1")
    done = mine(*argv("long", "--yes", "--targets", ",".join(targets)))
    assert (done.code, "[2/2] 10.0.0.3 完成" in done.err) == (0, True), done.err
    keys = [row["key"] for row in stage.lab.journal() if row["key"].startswith("long.") and row["ip"]]
    assert (len(keys), len(set(keys))) == (6, 6)
    with ServerThread(
        mine.pam.env["PAM_SERVER"],
        thread_id=thread_of("long"),
        api_key=Path(mine.pam.env["PAM_SERVER_TOKEN_FILE"]).read_text(encoding="utf-8").strip(),
    ) as thread:
        handed = [one for one in thread._client.runs.list(thread.thread_id, limit=50) if "pam_go_on" in str(one)]
    assert handed
