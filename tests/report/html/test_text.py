"""文字与地址的写法的测试。"""

import pytest

from pam_deploy_graph.flows.diagnosis import PLACEHOLDER, without_ip
from pam_deploy_graph.report.html.networks import networks, ranges, split
from pam_deploy_graph.report.html.shown_text import clean
from pam_deploy_graph.system.shown_time import span


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("正常 text\n\t第二行", "正常 text\n\t第二行"),
        ("\x1b[1;31mERROR\x1b[0m", "ERROR"),
        ("\x1b[2J\x07", "␛[2J␇"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x7f\x9b\ud800\ufeff", "\\u007f\\u009b\\ud800\\ufeff"),
        (7, "7"),
    ],
)
def test_clean_shows_what_hides(given: object, wanted: str) -> None:
    """看不见而会捣乱的字符变得看得见，终端颜色去掉，其余原样。"""
    assert clean(given) == wanted


@pytest.mark.parametrize(
    ("milliseconds", "wanted"),
    [(41, "41 毫秒"), (1_400, "1.4 秒"), (125_000, "2 分 05 秒"), (3_780_000, "1 小时 03 分")],
)
def test_span_suits_the_size(milliseconds: int, wanted: str) -> None:
    """时长按大小选单位。"""
    assert span(milliseconds) == wanted


@pytest.mark.parametrize(
    ("ips", "wanted"),
    [
        ([], []),
        (["10.0.0.2", "10.0.0.1"], ["10.0.0.1", "10.0.0.2"]),
        (["10.0.0.10", "10.0.0.9", "10.0.0.8", "10.0.1.1"], ["10.0.0.8 – 10.0.0.10", "10.0.1.1"]),
        (["10.0.0.254", "10.0.0.255", "10.0.1.0"], ["10.0.0.254 – 10.0.1.0"]),
        (["2001:db8::a", "2001:db8::9", "2001:db8::b", "10.0.0.1"], ["10.0.0.1", "2001:db8::9 – 2001:db8::b"]),
        (["不是地址", "10.0.0.1"], ["10.0.0.1", "不是地址"]),
    ],
)
def test_ranges_join_neighbours(ips: list[str], wanted: list[str]) -> None:
    """三台以上连号的合并，按数值排序，不是地址的也不丢。"""
    assert ranges(ips) == wanted


@pytest.mark.parametrize(
    ("ip", "wanted"),
    [
        ("10.0.0.17", ("10.0.0.", "17")),
        ("2001:db8::1f", ("2001:db8::", "1f")),
        ("2001:db8::", ("", "2001:db8::")),
        ("<b>.1", ("", "<b>.1")),
    ],
)
def test_split_keeps_the_whole(ip: str, wanted: tuple[str, str]) -> None:
    """两段拼起来仍是原来的地址。"""
    assert split(ip) == wanted
    assert "".join(split(ip)) == ip


def test_networks_are_in_order() -> None:
    """按网络成组，组内按数值排序。"""
    assert networks(["10.0.1.1", "10.0.0.10", "10.0.0.9"]) == [
        ("10.0.0.", ["10.0.0.9", "10.0.0.10"]),
        ("10.0.1.", ["10.0.1.1"]),
    ]


@pytest.mark.parametrize(
    ("text", "ip", "wanted"),
    [
        ("连不上 10.0.0.1:8443", "10.0.0.1", f"连不上 {PLACEHOLDER}:8443"),
        ("10.0.0.1。10.0.0.12 与 110.0.0.1 不动", "10.0.0.1", f"{PLACEHOLDER}。10.0.0.12 与 110.0.0.1 不动"),
        ("[2001:db8::1]:80 与 2001:db8::12", "2001:db8::1", f"[{PLACEHOLDER}]:80 与 2001:db8::12"),
    ],
)
def test_own_address_is_taken_out(text: str, ip: str, wanted: str) -> None:
    """只换掉这台自己的地址，像它的别的地址不动。"""
    assert without_ip(text, ip) == wanted
