"""生成页面的测试：写出来就与代码相符，改动一处或丢了一页就不通过。"""

from pathlib import Path

import pytest

from tools import gen_docs


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """把全部页面写进一个空目录。"""
    assert gen_docs.main(["--write", "--root", str(tmp_path)]) == 0
    return tmp_path


def test_written_pages_match(written: Path) -> None:
    """刚写出的页面与代码相符。"""
    assert gen_docs.main(["--check", "--root", str(written)]) == 0


@pytest.mark.parametrize("name", gen_docs.PAGES)
def test_changed_page_is_refused(name: str, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """手改过的页面不通过，并指出从哪一行起不符。"""
    page = written / name
    page.write_text(page.read_text(encoding="utf-8").replace("\n", "\n改\n", 1), encoding="utf-8")
    assert gen_docs.main(["--check", "--root", str(written)]) == 1
    assert f"{name}:1: 与代码不符（第 2 行起）" in capsys.readouterr().out


def test_missing_page_is_refused(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """少了一页不通过，并说怎么补。"""
    (written / "docs/action_table.md").unlink()
    assert gen_docs.main(["--check", "--root", str(written)]) == 1
    assert "docs/action_table.md:1: 还没有生成；请运行 make docs" in capsys.readouterr().out
