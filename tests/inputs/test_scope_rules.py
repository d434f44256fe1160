"""参数入口检查的规则：IP 范围、部署参数、控制参数、run_id。"""

from typing import Any

import pytest

from pam_deploy_graph.constants import DEFAULT_PARAMS, REQUIRED_PARAMS
from pam_deploy_graph.errors import InvalidInputError, MissingParamsError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.inputs.parameters import (
    missing_params,
    normalize_params,
    validate_control,
    validate_params,
    validate_run_id,
)

COMPLETE = {"AIRPORT_CODE": "pek", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "2.3.4"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("10.0.0.5", ["10.0.0.5"]),
        ("10.0.0.5-7", ["10.0.0.5", "10.0.0.6", "10.0.0.7"]),
        ("10.0.0.254-10.0.1.1", ["10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1"]),
        ("10.0.0.9, 10.0.0.5;10.0.0.9", ["10.0.0.9", "10.0.0.5"]),
        ("10.0.0.9，10.0.0.5、10.0.0.4；10.0.0.9", ["10.0.0.9", "10.0.0.5", "10.0.0.4"]),
        (["10.0.0.2", "10.0.0.1-2"], ["10.0.0.2", "10.0.0.1"]),
        ("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.5/32", ["10.0.0.5"]),
        ("FD00:0::1", ["fd00::1"]),
        ("fd00::1-fd00::3", ["fd00::1", "fd00::2", "fd00::3"]),
        ([], []),
    ],
)
def test_expand_ips(scope: object, expected: list[str]) -> None:
    """地址、列表、范围和 CIDR 都展开成规范地址，次序不变且不重复。"""
    assert expand_ips(scope) == expected


@pytest.mark.parametrize(
    "scope",
    [
        *("10.0.0.300", "0.0.0.0", "0.0.0.0/0", "::/0", "10.0.0.0/8", "224.0.0.1", "10.0.0.5/24", "10.0.0.05"),
        *("10.0.0.7-5", "10.0.0.5-", "-", "", "fe80::1%eth0", "１０.0.0.5", "10.0.0.1-fd00::1", "10.0.0.5;rm -rf /"),
        *(None, 5, [5], {"ip": "10.0.0.5"}),
    ],
)
def test_expand_ips_refuses(scope: object) -> None:
    """不是真实地址、方向颠倒或过大的范围一律拒绝。"""
    with pytest.raises(InvalidInputError):
        expand_ips(scope)


def test_expand_ips_bound_covers_the_whole_list() -> None:
    """上限按总数算，分成几段写也绕不过去。"""
    assert len(expand_ips("10.0.0.0/16")) == 65_534
    with pytest.raises(InvalidInputError, match="65536"):
        expand_ips("10.0.0.0/16,10.1.0.0/24")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (COMPLETE, COMPLETE | {"AIRPORT_CODE": "PEK"}),
        ({"VERSION_NUMBER": 2, "REQUEST_TIMEOUT": 30}, {"VERSION_NUMBER": "2", "REQUEST_TIMEOUT": "30"}),
        ({"PAM_HOME_URL": "https://[fd00::1]:8443/pam"}, {"PAM_HOME_URL": "https://[fd00::1]:8443/pam"}),
        ({"PACKAGE_PATH": "/包/a b.zip"}, {"PACKAGE_PATH": "/包/a b.zip"}),
    ],
)
def test_validate_params(params: dict[str, object], expected: dict[str, str]) -> None:
    """合规的值规范成文本，没有给出的键不出现。"""
    assert validate_params(params) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("AIRPORT_CODE", value) for value in ("PEKX", "PE", "P3K", "ＰＥＫ", "РЕК", "", None)),
        *(("APP_NAME", value) for value in ("../x", "a..b", "-x", "a b", "a\n", "x" * 65, "а", 1.5)),
        *(("MODULE_NAME", value) for value in ("a/b", "$(id)", ".x")),
        *(("VERSION_NUMBER", value) for value in ("1.0;rm -rf /", "1.0\n2", "1..0", "-1", 2.3)),
        *(("PAM_HOME_URL", value) for value in ("ftp://h", "http://", "http://h:99999", "http://h/?a=1", "http://h\n")),
        *(("PACKAGE_PATH", value) for value in ("a\x1b[31m", "a\nb", "x" * 5000)),
        *(("REQUEST_TIMEOUT", value) for value in ("0", "-1", "86401", "1.5", "１０", True)),
    ],
)
def test_validate_params_refuses(name: str, value: object) -> None:
    """不合规则的值报出参数名和规则，消息只有一行且可打印。"""
    with pytest.raises(InvalidInputError, match=f"参数 {name} 的值 .*应为|参数 {name} 的值 .*开头") as caught:
        validate_params({name: value})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["PAM_TOKEN", "TOKEN", "password", "app_name", "FOO"])
def test_unknown_keys_are_refused_without_their_value(name: str) -> None:
    """不认识的键（包括令牌）拒绝，并且消息里没有它的值。"""
    with pytest.raises(InvalidInputError, match=name) as caught:
        validate_params({name: "s3cret"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://bob:s3cret@h/", "http://bob:s3/cret@h/", "http://h/?token=s3cret"])
def test_url_secrets_are_not_shown(url: str) -> None:
    """地址里夹带的密码不会出现在错误消息里。"""
    with pytest.raises(InvalidInputError) as caught:
        validate_params({"PAM_HOME_URL": url})
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ({}, {}),
        ({"target_ips": "10.0.0.1-2", "exclude_ips": None}, {"target_ips": ["10.0.0.1", "10.0.0.2"]}),
        ({"canary": "0", "max_parallel": 2000, "ask_after": 1}, {"canary": 0, "max_parallel": 2000, "ask_after": 1}),
        ({"max_failures": None}, {"max_failures": None}),
        ({"execution_strategy": "fake"}, {"execution_strategy": "fake"}),
    ],
)
def test_validate_control(control: dict[str, object], expected: dict[str, Any]) -> None:
    """合规的控制参数规范化，没有给出的键不出现。"""
    assert validate_control(control) == expected


@pytest.mark.parametrize(
    "control",
    [
        *({"canary": value} for value in (-1, "x", 2.0, True)),
        *({"max_parallel": value} for value in (0, 2001)),
        *({"ask_after": 0}, {"max_failures": 0}, {"execution_strategy": "magic"}, {"target_ips": "10.0.0.300"}),
        {"batch": 3},
    ],
)
def test_validate_control_refuses(control: dict[str, object]) -> None:
    """越界、类型不对或不认识的控制参数拒绝，并指出是哪一个。"""
    with pytest.raises(InvalidInputError, match=next(iter(control))):
        validate_control(control)


def test_normalize_precedence() -> None:
    """先后次序是：给出的值、环境、默认值；空白当作没有给。"""
    environment = {"PAM_HOME_URL": "http://env:1", "VERIFY_TIMEOUT": "7", "PAM_OTHER": "x"}
    normal = normalize_params(COMPLETE | {"VERIFY_TIMEOUT": 9, "PAM_HOME_URL": " "}, environment)
    assert list(normal) == [*REQUIRED_PARAMS, *DEFAULT_PARAMS]
    assert (normal["PAM_HOME_URL"], normal["VERIFY_TIMEOUT"], normal["REQUEST_TIMEOUT"]) == ("http://env:1", "9", "120")


def test_missing_params_in_order() -> None:
    """缺少的必填参数按规定次序写进规定的消息。"""
    given = {"MODULE_NAME": "gate", "APP_NAME": " "}
    assert missing_params(given) == ["AIRPORT_CODE", "APP_NAME", "VERSION_NUMBER"]
    with pytest.raises(MissingParamsError, match=r"^缺少必填参数: AIRPORT_CODE, APP_NAME, VERSION_NUMBER$"):
        normalize_params(given)


@pytest.mark.parametrize("run_id", ["", "-x", "../x", "a/b", "a" * 65, "中", "a\n"])
def test_validate_run_id_refuses(run_id: str) -> None:
    """run_id 会成为文件名，不合规则的一律拒绝。"""
    assert validate_run_id("20250101_101010") == "20250101_101010"
    with pytest.raises(InvalidInputError, match="run_id"):
        validate_run_id(run_id)
