"""配置文件：写出、解析、权限、拒绝注入与秘密。"""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_deploy_graph.config_writer import parse_config, render_config, write_config
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.private_files import private_folder

KEYS = st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True).filter(
    lambda key: not key.endswith("TOKEN") and "PASSWORD" not in key and "SECRET" not in key
)
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_rendered_parses_back(params: dict[str, str]) -> None:
    """任何可以写出的参数都能原样读回，包括首尾空白和等号。"""
    assert parse_config(render_config(params)) == params


def test_the_text_is_one_line_a_key_in_order() -> None:
    """文本是按给出顺序的 KEY=VALUE 行。"""
    assert render_config({"B": "2", "A_1": "a=b # 中文"}) == "B=2\nA_1=a=b # 中文\n"


@pytest.mark.parametrize(
    "value", ["1.0\nPACKAGE_PATH=/etc/passwd", "a\rb", "a\0b", "\x1b[2J", "a\u2028b", "a\x85b", "\udc80", 7]
)
def test_a_value_that_breaks_the_line_is_refused(value: str) -> None:
    """换行、控制字符、孤立代理项和非文本的值被拒绝，消息指出是哪个键。"""
    with pytest.raises(InvalidInputError, match="VERSION_NUMBER"):
        render_config({"VERSION_NUMBER": value})


@pytest.mark.parametrize("key", ["", "a", "1A", "A-B", "A B", "A\nB", "_A", "Ａ"])
def test_a_bad_key_is_refused(key: str) -> None:
    """不合写法的键被拒绝。"""
    with pytest.raises(InvalidInputError, match="不合规则"):
        render_config({key: "x"})


@pytest.mark.parametrize("key", ["PAM_TOKEN", "TOKEN", "API_TOKEN", "DB_PASSWORD", "PASSWORD_1", "MY_SECRET_KEY"])
def test_a_secret_never_enters_the_file(key: str, tmp_path: Path) -> None:
    """像秘密的键写和读都被拒绝，消息里没有它的值。"""
    for attempt in (lambda: write_config({key: "canary"}, tmp_path / "c"), lambda: parse_config(f"{key}=canary\n")):
        with pytest.raises(InvalidInputError, match="像是秘密") as caught:
            attempt()
        assert "canary" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_file_is_private_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    """文件 0600，重写也是原子的，不留临时文件。"""
    path = tmp_path / "config.txt"
    former = os.umask(umask)
    try:
        assert write_config({"A": "1"}, str(path)) == path
        write_config({"A": "2"}, path)
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parse_config(path.read_text(encoding="utf-8")) == {"A": "2"}
    assert [item.name for item in tmp_path.iterdir()] == ["config.txt"]


def test_missing_folders_are_made_private(tmp_path: Path) -> None:
    """缺少的各级目录都以 0700 新建，已有的不动。"""
    write_config({"A": "1"}, tmp_path / "home" / "runtime" / "config.txt")
    private_folder(tmp_path / "home")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("home", "home/runtime")]
    assert modes == [0o700, 0o700]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """写不成时旧内容还在，也没有临时文件留下。"""
    target = tmp_path / "taken"
    (target / "child").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_config({"A": "1"}, target)
    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("A=1\nhalf a line", "第 2 行不是 KEY=VALUE"), ("a=1", "不合规则"), ("A=1\r\n", "A 的值")],
)
def test_what_is_wrong_is_named(content: str, reason: str) -> None:
    """读不懂的配置文件报出毛病。"""
    with pytest.raises(InvalidInputError, match=reason):
        parse_config(content)


def test_comments_and_blank_lines_are_skipped() -> None:
    """空行和注释忽略，重复的键以后一个为准，没有换行结尾也算一行。"""
    assert parse_config("# 说明\n\nA=1\nA=2\nB=") == {"A": "2", "B": ""}
