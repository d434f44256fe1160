"""英文的目录：每一句都有译文，洞与原文相同，没有漏的与旧的。"""

from pathlib import Path

import pytest
from babel.messages import Catalog

from tools.catalogue import PO, holes, main, problems


def test_every_message_has_its_english(capsys: pytest.CaptureFixture[str]) -> None:
    """代码里的话、``.po``、``.mo`` 三样相符，句句有译文。"""
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_drift_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """没有更新的目录不通过；更新之后差的是译文。"""
    assert main(["--root", str(tmp_path), "--write"]) == 0
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert "没有译文" in capsys.readouterr().out
    (tmp_path / PO).write_bytes(b"")
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert "make catalogue" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "english", "wrong"),
    [
        ("做完 {n} 台", "", "没有译文"),
        ("做完 {n} 台", "{n} 台 done", "还有中文"),
        ("做完 {n} 台", "{count} done", "洞不同"),
        ("做完 {n} 台", "{n} {n:workstation|workstations} done", ""),
    ],
)
def test_what_a_translation_must_be(said: str, english: str, wrong: str) -> None:
    """空着的、还有中文的、洞不同的都说出来；单复数的写法算同一个洞。"""
    catalogue = Catalog("en")
    catalogue.add(said, english)
    told = "".join(problems(catalogue))
    assert (wrong in told) if wrong else not told


def test_holes() -> None:
    """带格式的洞只看名字；写着花括号而没有洞的不算。"""
    assert holes("{a!r} {b:.0f} {{c}}") == {"a", "b"}
    assert holes("{") == set()
