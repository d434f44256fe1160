"""NODE 在推到一半时搬家：HOME 说了新地址就去那里，不必问的不问，要问的先问；每个效果恰好一次（contract 第 3 节）。"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pam_deploy_graph.constants import DEFAULT_STRATEGY
from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import Pam, Zygote
from tests.cli.site import BEFORE, Site
from tests.patience import patience
from tests.protocol.proxy import Proxy, proxy_of


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """用完都关掉。"""
    with ExitStack() as each:
        yield each


def until(happened: Callable[[], object]) -> None:
    """等到发生了。"""
    deadline = time.monotonic() + patience(30)
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def other_port() -> int:
    """此刻空着的一个端口。"""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("strategy", ["script_only", str(DEFAULT_STRATEGY)])
def test_the_lab_comes_back_on_another_port(stack: ExitStack, zygote: Zygote, tmp_path: Path, strategy: str) -> None:
    """第一台正在部署时整个 PAM 被 kill -9，换一个端口再开：不问人，做完，每个效果恰好一次。"""
    state = tmp_path / "state"
    first = stack.enter_context(LabProcess(workstations=4, state=state))
    home = stack.enter_context(proxy_of(first.home_url))
    pam = Pam(zygote, tmp_path, {"PAM_HOME_URL": home.url, "PAM_TOKEN": first.token})
    site = Site(pam, first, lambda number: [f"10.0.0.{n + 1}" for n in range(number)], 1)
    site.take(4)
    first.add_fault(f"{site.ips[0]}:deploy:slow=3:1")
    job = site.start("--yes", "--max-parallel", 2, "--strategy", strategy)
    until(lambda: site.count("stop-ip", site.ips[0]))
    first.kill()
    site.lab = stack.enter_context(LabProcess(workstations=4, state=state, port=other_port()))
    assert site.lab.node_url() != first.node_url()
    home.upstream = site.lab.home_url
    done = job.wait(120)
    assert done.code == 0, done.err
    assert "秒后" in done.err
    site.all_right()


class Moving:
    """HOME 前面一个代理，NODE 前面一个；NODE 的代理可以搬走，HOME 从此说的是 ``name`` 上的新地址。"""

    def __init__(self, stack: ExitStack, site: Site) -> None:
        """从代理进。"""
        self._site, self._here = site, stack.enter_context(ExitStack())
        self.home = stack.enter_context(proxy_of(site.lab.home_url))
        self.node = self._open()
        self.say(self.node.url)
        site.pam.env["PAM_HOME_URL"] = self.home.url

    def move(self, name: str) -> str:
        """搬家，返回新的地址。"""
        self._here.close()
        new = self._open().url.replace("127.0.0.1", name)
        self.say(new)
        return new

    def say(self, url: str) -> None:
        """HOME 说 NODE 在那里。"""
        self.home.replace = {self._site.lab.node_url(): url}

    def _open(self) -> Proxy:
        """NODE 前面的代理。"""
        return self._here.enter_context(proxy_of(self._site.lab.node_url()))


@pytest.mark.parametrize("answer", ["allowed", "approve", pytest.param("reject", marks=pytest.mark.crash)])
def test_an_address_that_is_not_the_machines_own(stack: ExitStack, site: Site, answer: str) -> None:
    """推到一半搬到别的名字上：``PAM_NODE_ALLOW`` 允许的不问；不允许的停下问，写出新旧两个，同意才去。"""
    moving, ips = Moving(stack, site), site.take(2)
    old = moving.node.url
    site.lab.add_fault(f"{ips[0]}:deploy:slow=1:1")
    if answer == "allowed":
        site.pam.env["PAM_NODE_ALLOW"] = "127.0.0.1, *.localhost"
    job = site.start("--yes")
    until(lambda: site.count("stop-ip", ips[0]))
    new = moving.move("node.localhost")  # curl 自己就知道它是本机
    done = job.wait()
    if answer != "allowed":
        assert done.code == 10, done.err
        (asked,) = site.status()["waiting"]
        assert (asked["type"], old in asked["text"], new in asked["text"]) == ("approve_plan", True, True)
        before = site.effects()
        assert site.confirm(answer).code == 0
        assert site.effects() == before
        done = site.resume()
    assert done.code == (12 if answer == "reject" else 0), done.err
    if answer != "reject":
        site.all_right()
    else:  # 进行中的那台做没做没有人知道：不说还在做，也不说失败；搬得慢的时候它已经在做下一步
        row = site.report()["ips"][ips[0]]
        assert (row["status"], row["failed_stage"] in ("deploy-ip", "start-ip")) == ("IN_DOUBT", True), row


@pytest.mark.parametrize("left", ["an older address", "nothing"])
def test_the_configuration_is_written_again(site: Site, left: str) -> None:
    """新地址记进了账本，还没有写进配置就死了（或者换了一台机器，没有配置）：继续时照账本重写，不守着旧地址。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail:1")
    assert site.run("--yes", "--strategy", "script_only").code == 10
    (config,) = (site.pam.home / "runtime").glob("config_*.txt")
    if left == "nothing":
        config.unlink()
    else:
        stale = f"http://127.0.0.1:{other_port()}"
        config.write_text(config.read_text().replace(site.lab.node_url(), stale))
        assert stale in config.read_text()
    assert site.confirm("approve").code == 0
    assert site.resume().code == 11
    assert site.real(ip) == (True, BEFORE)
