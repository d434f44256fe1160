"""读清单：各种编码、分隔、次序读出同一份；每一处不合规则都说出文件、行与值。"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inventory import open_inventory, read_scope_file
from pam_deploy_graph.inventory.stock import Row
from tests.inventory.files import HEAD, ROWS, read_back, write_csv, write_toml
from tests.patience import patience

ENCODINGS = ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"]
HEADS = [HEAD, ("IP", "名称", "分组"), ("地址", "柜台", "组"), ("IP 地址", "Name", "Groups")]
_names = st.text("甲乙丙丁戊值机岛柜台登口东西南北安检廊厅", min_size=1, max_size=6).flatmap(
    lambda tail: st.integers(0, 99).map(lambda n: f"A{n:02d} {tail}")
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("head", HEADS)
def test_the_same_inventory(tmp_path: Path, encoding: str, delimiter: str, head: tuple[str, ...]) -> None:
    """表格软件存的各种样子都读得出，与 TOML 的相同。"""
    path = write_csv(tmp_path / "names.csv", head=head, delimiter=delimiter, encoding=encoding)
    assert read_back(path) == read_back(write_toml(tmp_path / "names.toml"))
    assert read_back(path)[0] == {row.ip: row.name for row in ROWS}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    names=st.lists(_names, min_size=1, max_size=20, unique=True),
    groups=st.lists(st.lists(_names, max_size=3, unique=True), min_size=20, max_size=20),
    order=st.randoms(use_true_random=False),
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_whatever_the_order_and_the_encoding(
    tmp_path: Path, names: list[str], groups: list[list[str]], order: object, encoding: str, delimiter: str
) -> None:
    """次序、编码、分隔怎么换，都是同一份清单；看不出是哪一种编码的宁可不读，不会读成另一份。"""
    rows = [Row(f"10.1.{n // 200}.{n % 200 + 1}", name, tuple(groups[n])) for n, name in enumerate(names)]
    plain = read_back(write_csv(tmp_path / "plain.csv", rows))
    order.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis 给的是 random.Random
    try:
        found = read_back(write_csv(tmp_path / "other.csv", rows, encoding=encoding, delimiter=delimiter))
    except InvalidInputError as error:
        assert "看不出是 UTF-8 还是 GBK" in str(error)  # noqa: PT017  只有这一种可以不读
    else:
        assert found == plain


def test_a_file_that_reads_both_ways(tmp_path: Path) -> None:
    """GBK 的「台」也读得通 UTF-8：不猜，要人另存。"""
    path = tmp_path / "names.csv"
    path.write_bytes("ip,name\n10.0.0.1,台\n".encode("gbk"))
    with pytest.raises(InvalidInputError, match="看不出是 UTF-8 还是 GBK"):
        open_inventory(str(path))


WRONG = {
    "ip,name\n10.0.0.1,A1\n10.0.0.1,A2\n": ["第 3 行", "'10.0.0.1'", "与第 2 行重复"],
    "ip,name\n10.0.0.1,A1\n10.0.0.2,a1\n": ["第 3 行", "'a1'", "与第 2 行重复"],
    "ip,name\n10.0.0.1,A1\n10.0.0.999,A2\n": ["第 3 行", "'10.0.0.999'"],
    "ip,name\n224.0.0.1,A1\n": ["第 2 行", "'224.0.0.1'"],
    "ip,name\n10.0.0.1,\n": ["第 2 行", "名称是空的"],
    "ip,name\n,A1\n": ["第 2 行", "IP 是空的"],
    "ip,name\n10.0.0.1\n": ["第 2 行", "名称是空的"],
    "ip,name\n10.0.0.1,10.0.0.2\n": ["第 2 行", "像地址"],
    "ip,name\n10.0.0.1,1.2.3\n": ["第 2 行", "像地址或版本"],
    'ip,name\n10.0.0.1,"A1,A2"\n': ["第 2 行", "逗号"],
    "ip,name\n10.0.0.1,A\u202e1\n": ["第 2 行", "看不见的字符"],
    "ip,name\n10.0.0.1,A\x1b[31m\n": ["第 2 行", "看不见的字符"],
    f"ip,name\n10.0.0.1,{'长' * 65}\n": ["第 2 行", "太长"],
    "ip,name\n": ["一台工作站都没有写"],
    "10.0.0.1,A1\n": ["表头"],
    "": ["表头"],
    'ip,name\n10.0.0.1,"A1\n': ["不是完整的 CSV"],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    """说出文件、行与值。"""
    path = tmp_path / "names.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        open_inventory(str(path))
    assert all(part in str(caught.value) for part in [str(path), *WRONG[text]])


WRONG_TOML = {
    '[[workstation]]\nip = "10.0.0.1"\nname = "A1"\n[[workstation]]\nip = "x"\nname = "A2"\n': "第 4 行起",
    '[[workstation]]\nip = 1\nname = "A1"\n': "IP 的值",
    '[[workstation]]\nip = "10.0.0.1"\nname = "A1"\ngroups = [1]\n': "分组的值",
    '[[workstation]]\nip = "10.0.0.1"\nname = "A1"\ngroups = 1\n': "分组的值",
    'workstations = [{ip = "10.0.0.1"}]': "名称是空的",
    "a = 1": "一组",
    "a = ": "不是完整的 TOML",
}


@pytest.mark.parametrize("text", WRONG_TOML)
def test_what_is_wrong_in_toml(tmp_path: Path, text: str) -> None:
    """TOML 的也说出在哪里。"""
    path = tmp_path / "names.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=WRONG_TOML[text]):
        open_inventory(str(path))


def _far_too_long(path: Path) -> None:
    """九兆字节。"""
    path.write_bytes(b"ip,name\n" + b"#" * 9 * 1024 * 1024)


def _open_to_all(path: Path) -> None:
    """谁都写得了。"""
    path.touch()
    path.chmod(0o666)


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "读不了"),
    "folder": (Path.mkdir, "读不了"),
    "too long": (_far_too_long, "太大"),
    "binary": (lambda path: path.write_bytes(b"\xff\xfe\x00\xd8\x00\x00"), "不是 UTF-8"),
    "zeros": (lambda path: path.write_bytes(b"ip,name\n\0\0"), "不是 UTF-8"),
    "writable": (_open_to_all, "chmod go-w"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_not_read(tmp_path: Path, kind: str) -> None:
    """读不了的、别人写得了的、太大的：一句话，说出是哪个文件。"""
    make, why = UNREADABLE[kind]
    path = tmp_path / "names.csv"
    make(path)
    with pytest.raises(InvalidInputError, match=why) as caught:
        open_inventory(str(path))
    assert str(path) in str(caught.value)


def test_a_scope_file(tmp_path: Path) -> None:
    """``@FILE``：清单里的地址，或一行一个。"""
    assert read_scope_file(str(write_csv(tmp_path / "a.csv"))) == [row.ip for row in ROWS]
    assert read_scope_file(str(write_toml(tmp_path / "a.toml"))) == [row.ip for row in ROWS]
    plain = tmp_path / "plain.txt"
    plain.write_text("# 今晚的\n10.0.0.1-3\n\nA12 柜台  # 靠窗\n", encoding="gbk")
    assert read_scope_file(str(plain)) == ["10.0.0.1-3", "A12 柜台"]
    plain.write_text("# 空的\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="一台工作站都没有写"):
        read_scope_file(str(plain))


def test_ten_thousand_rows_are_read_quickly(tmp_path: Path) -> None:
    """一万行在 0.3 秒之内。"""
    rows = [Row(f"10.{n // 60000}.{n // 250 % 240}.{n % 250 + 1}", f"A{n} 柜台", ("T2 值机岛",)) for n in range(10_000)]
    path = write_csv(tmp_path / "names.csv", rows)
    began = time.process_time()
    assert len(open_inventory(str(path)).names) == 10_000
    assert time.process_time() - began < patience(0.3)
