"""话用哪种语言说：默认中文，命令行或区域设置换成英文，洞照填，单复数照数。"""

from collections.abc import Iterator

import pytest

from pam_deploy_graph import i18n
from pam_deploy_graph.i18n import EN, ZH, Worded, language, locale_language, recorded, speaking, tr, use

DONE = "做完 {n}/{total} 台"


@pytest.fixture(autouse=True)
def chinese_again() -> Iterator[None]:
    """用完换回中文。"""
    yield
    use(ZH)


def test_chinese_unless_told() -> None:
    """库说中文；换成英文只在 ``use`` 之后，或在 ``speaking`` 里面。"""
    assert tr(DONE, n=1, total=2) == "做完 1/2 台"
    with speaking(EN):
        assert tr(DONE, n=1, total=2) == "1 of 2 done"
        assert language() == EN
    assert tr(DONE, n=1, total=2) == "做完 1/2 台"
    use(EN)
    assert tr(DONE, n=1, total=2) == "1 of 2 done"
    with speaking(ZH):
        assert tr(DONE, n=1, total=2) == "做完 1/2 台"


def test_braces_without_holes_stay() -> None:
    """没有洞的话里，花括号就是花括号；空串与没有登记的照原样。"""
    with speaking(EN):
        assert tr("例如 {x}") == "例如 {x}"
        assert tr("") == ""


@pytest.mark.parametrize(("n", "said"), [(1, "1 problem"), (2, "2 problems"), (0, "0 problems"), ("1", "1 problem")])
def test_plurals(n: object, said: str) -> None:
    """单复数写在洞里，照数取。"""
    with speaking(EN):
        assert tr("{n} 处不对", n=n) == said


def test_a_table_speaks_as_asked() -> None:
    """代号到说法的表，取出来的是此刻的语言。"""
    table = Worded({"failed": "失败"})
    assert dict(table) == {"failed": "失败"}
    with speaking(EN):
        assert table["failed"] == table.get("failed") == "failed"
        assert len(table) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, ZH),
        ({"LANG": "en_US.UTF-8"}, EN),
        ({"LANG": "en"}, EN),
        ({"LANG": "C"}, ZH),
        ({"LANG": "C.UTF-8"}, ZH),
        ({"LANG": "POSIX"}, ZH),
        ({"LANG": "zh_CN.UTF-8"}, ZH),
        ({"LANG": "ens"}, ZH),
        ({"LANG": "en_GB", "LC_ALL": "zh_CN.UTF-8"}, ZH),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_GB.UTF-8"}, EN),
        ({"LANG": "en_GB", "LC_ALL": ""}, EN),
    ],
)
def test_the_locale_chooses(given: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``LC_ALL``、``LC_MESSAGES``、``LANG`` 里头一个有的说了算；``en`` 开头的是英文，别的是中文。"""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert locale_language() == wanted


def test_the_catalogue_is_read_when_needed() -> None:
    """说中文不读目录。"""
    i18n._catalogue.cache_clear()
    tr(DONE, n=1, total=2)
    assert i18n._catalogue.cache_info().currsize == 0


def test_what_is_recorded_reads_well() -> None:
    """摘要管着的一项总照中文记；说英文时换标点。"""
    policy = "PAM_POLICY /etc/pam.toml（SHA-256 ab）；PAM_PEOPLE （没有）"
    assert recorded(policy) == policy
    with speaking(EN):
        assert recorded(policy) == "PAM_POLICY /etc/pam.toml (SHA-256 ab); PAM_PEOPLE (none)"
