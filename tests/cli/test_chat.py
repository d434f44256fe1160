"""``chat``：真的伪终端里，计划改了再批准，途中 Ctrl-C 再「继续」，提前打的字不算回答（contract 第 8 节）。"""

from collections.abc import Iterator

import pytest

from tests.cli.program import Job
from tests.cli.site import Site
from tests.cli.terminal import Terminal

PLAN, ROLLBACK, CONFIRM = "批准？", "回滚？", "确认？"


@pytest.fixture
def job(site: Site, terminal: Terminal) -> Iterator[Job]:
    """开着的对话。"""
    started = site.pam.start("chat", tty=terminal.slave)
    terminal.expect("> ")
    yield started
    terminal.type("退出\n")
    assert terminal.finish(started).code == 0


def ask_for(site: Site, terminal: Terminal, version: str) -> None:
    """说出要求，等到计划摆出来。"""
    targets = "、".join(site.ips)
    terminal.type(f"把首都机场 checkin/gate 升级到 {version}，只做 {targets}，安装包 {site.package}\n")
    terminal.expect(PLAN)


@pytest.mark.usefixtures("job")
def test_the_changed_version_is_the_one_deployed(site: Site, terminal: Terminal) -> None:
    """默认走 MCP：看过计划之后改了版本，批准的、推出去的都是改过的那一个。"""
    ips = site.take(2)
    ask_for(site, terminal, "9.9.9")
    terminal.type(f"改成 {site.version}\n")
    terminal.expect(PLAN)
    terminal.type("同意\n")
    terminal.expect("结果:")
    assert {ip: site.real(ip) for ip in ips} == dict.fromkeys(ips, (True, site.version))


def test_ctrl_c_then_go_on(site: Site, terminal: Terminal, job: Job) -> None:
    """途中 Ctrl-C：进行中的做完就停，说出怎样接着做；「继续」就做到底。"""
    ips = site.take(3)
    site.lab.add_fault(f"{ips[0]}:deploy:slow=1:1")
    ask_for(site, terminal, site.version)
    terminal.type("同意\n")
    terminal.expect(f"{ips[0]} 开始")
    job.interrupt()
    terminal.expect("已停下")
    terminal.expect("> ")
    assert site.real(ips[2]) != (True, site.version)
    terminal.type("继续\n")
    terminal.expect("结果:")
    assert {ip: site.real(ip) for ip in ips} == dict.fromkeys(ips, (True, site.version))


@pytest.mark.usefixtures("job")
def test_typed_ahead_is_no_answer(site: Site, terminal: Terminal) -> None:
    """提前打好的「同意」不算对还没有看到的计划的批准；看过之后再说才算。"""
    [ip] = site.take(1)
    terminal.type(f"把首都机场 checkin/gate 升级到 {site.version}，只做 {ip}，安装包 {site.package}\n同意\n同意\n")
    terminal.expect(PLAN)
    terminal.type("进度怎么样\n")
    terminal.expect("还没有改变任何东西")
    terminal.expect(PLAN)
    terminal.type("取消\n")
    terminal.expect("什么也没有改变")
    assert site.real(ip) != (True, site.version)


@pytest.mark.usefixtures("job")
def test_cancelled_while_a_rollback_waits(site: Site, terminal: Terminal) -> None:
    """等着决定回滚时说一句话只应一次；说不做了就以 12 收尾、给出报告。此前说「等人决定」，答话还会再冒出来。"""
    ips = site.take(2)
    site.lab.add_fault(f"{ips[0]}:verify:fail")
    ask_for(site, terminal, site.version)
    terminal.type("好的\n")
    terminal.expect(ROLLBACK)
    terminal.type("把 199 回滚了吧\n")
    terminal.expect("请说明要退回哪几台")
    assert "请说明要退回哪几台" not in terminal.expect(ROLLBACK)
    terminal.type("取消这次部署\n")
    terminal.expect(CONFIRM)
    terminal.type("确认\n")
    ending = terminal.expect("取消了这次运行")
    assert "等人决定" not in ending
    assert "PAM 智能部署报告" in ending
    assert site.real(ips[1]) != (True, site.version)
