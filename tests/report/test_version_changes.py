"""计划的变化：每台恰好在一组里，没有读到的自成一组，不当作哪一版。"""

import pytest

from pam_deploy_graph.report.version_changes import Change, change_lines, changes_of, to_do

IPS = [f"10.0.0.{number}" for number in range(1, 8)]


def truth(online: str = "true", running: str = "true", version: str = "1.2.2") -> dict[str, str]:
    """``query-ip`` 的一份应答。"""
    return {"ONLINE": online, "RUNNING": running, "VERSION": version, "LAST_KEY": ""}


@pytest.mark.parametrize(
    ("seen", "said", "work"),
    [
        (truth(), "1.2.2 → 1.2.4", 1),
        (truth(running=""), "1.2.2 → 1.2.4（在不在运行没有读到）", 1),
        (truth(running="false"), "停用着 1.2.2 → 1.2.4，装完启动", 1),
        (truth(version=""), "未安装 → 1.2.4", 1),
        (truth(version="1.2.4"), "已是 1.2.4，验证通过就跳过", 0),
        (truth(version="1.2.4", running=""), "1.2.4 → 1.2.4（在不在运行没有读到）", 1),
        (truth("false", "", ""), "刚才离线，轮到时还离线就不动手", 0),
        (None, "没有读到 → 1.2.4，轮到时先读", 1),
    ],
)
def test_one_workstation(seen: dict[str, str] | None, said: str, work: int) -> None:
    """一台此刻的样子说成哪一种变化，算不算要做的；在不在运行没有读到的不当作停着，也不当作在运行。"""
    groups = changes_of(IPS[:1], [], {IPS[0]: seen} if seen else {}, wanted="1.2.4", force=False)
    assert change_lines(groups, {}) == [f"{said}: 1 台：{IPS[0]}"]
    assert to_do(groups) == work


def test_every_workstation_is_in_one_group() -> None:
    """各组合起来就是范围，连同不在线的；同样的并成一组，重做时已是目标版本的也算要做。"""
    found = {ip: truth() for ip in IPS[:3]} | {IPS[3]: truth(version="1.2.4"), IPS[4]: truth(running="false")}
    groups = changes_of(IPS[:6], IPS[6:], found, wanted="1.2.4", force=True)
    assert [(group.change, group.ips) for group in groups] == [
        (Change.VERSION, IPS[:3]),
        (Change.STOPPED, IPS[4:5]),
        (Change.SAME, IPS[3:4]),
        (Change.UNREAD, IPS[5:6]),
        (Change.OFFLINE, IPS[6:]),
    ]
    assert to_do(groups) == 6
    assert groups[0].data() == {
        "change": "version",
        "before": "1.2.2",
        "to": "1.2.4",
        "running": True,
        "work": True,
        "ips": "10.0.0.1-10.0.0.3",
        "count": 3,
    }
