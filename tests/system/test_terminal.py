"""往终端写的门：控制码出不去，JSON 的值不变。"""

import io
import json
import sys

import pytest

from pam_deploy_graph.system.given_files import open_regular, read_given
from pam_deploy_graph.system.terminal import put, put_json

NASTY = "红\x1b[31m\x9b2J\x1b]0;title\x07\r\b\u202e\u2066\x00\x7f\ud800\U000e0041"


@pytest.mark.parametrize("err", [False, True])
def test_no_control_code_leaves(capsys: pytest.CaptureFixture[str], *, err: bool) -> None:
    """转义、双向控制符写成看得见的；换行、制表、全角空格照旧。"""
    put(f"一\t二\u3000三\n{NASTY}", err=err)
    said = "".join(capsys.readouterr())
    assert said.startswith("一\t二\u3000三\n红\\x1b[31m\\x9b2J\\x1b]0;title")
    assert all(char.isprintable() or char in "\t\n\u3000" for char in said)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "ascii"])
def test_json_keeps_its_value(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """同一份 JSON，在哪种编码里都是；里面没有控制码。"""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    value = {"名": [NASTY, "一\u3000二"]}
    put_json(json.dumps(value, ensure_ascii=False, indent=1))
    said = raw.getvalue().decode(encoding)
    assert json.loads(said) == value
    assert all(char.isprintable() or char in "\n\u3000" for char in said)


def test_a_file_has_a_limit() -> None:
    """没有尽头的文件：读到限度为止，说太大；要读到底的根本不打开。"""
    with pytest.raises(OSError, match="太大，上限 1 KiB"):
        read_given("/dev/zero", 1024)
    with pytest.raises(OSError, match="不是普通文件"):
        open_regular("/dev/zero")
