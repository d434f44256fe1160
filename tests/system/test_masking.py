"""遮盖之门：知道每一个秘密，各种写法都认得；流过去的字节，秘密跨在两块之间也遮得到。"""

import json
from pathlib import Path

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.system import masking
from pam_deploy_graph.system.masking import blotted, learn, mask, mask_file, masked

CANARY = 'canary-a1/b2+"c3 d4'
PLAIN = "canary-e5f6a7b8"
learn(CANARY, PLAIN, "short")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a {CANARY} b", "a *** b"),
        ("canary-a1%2Fb2%2B%22c3%20d4", "***"),
        ("canary-a1%2Fb2%2B%22c3+d4", "***"),
        (json.dumps({"k": CANARY}), '{"k": "***"}'),
        ("Basic Y2FuYXJ5LWU1ZjZhN2I4", "Basic ***"),
        ("short true t", "short true t"),
        ("http://u:pass@h/x 与 https://tok@h", "http://***@h/x 与 https://***@h"),
        ("postgresql+psycopg://pam:pass@db/pam", "postgresql+psycopg://***@db/pam"),
        ("http://h/x?a=1&access_token=q&b=2", "http://h/x?a=1&access_token=***&b=2"),
        ("http://h/x?X-Amz-Signature=q#f", "http://h/x?X-Amz-Signature=***#f"),
        ("http://h:8080/x?version=1&module=gate", "http://h:8080/x?version=1&module=gate"),
        ("ops@example.com 写信 a=b key=v", "ops@example.com 写信 a=b key=v"),
    ],
)
def test_text(text: str, expected: str) -> None:
    """各种写法。"""
    assert mask(text) == expected


def test_values_are_masked_inside_and_kept_where_clean() -> None:
    """逐层遮盖；干净的原样返回，是同一个对象。"""
    dirty = {"values": ["x", {"m": f"<{PLAIN}>"}], "n": 1, "none": None}
    assert masked(dirty) == {"values": ["x", {"m": "<***>"}], "n": 1, "none": None}
    clean = {"values": ["x", {"m": "y"}], "n": 1}
    assert masked(clean) is clean


@pytest.mark.parametrize("chunk", [1, 5, 64, 1 << 20])
def test_a_file_is_filtered_on_its_way(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """不论每块多大，文件里一个字节的秘密也不剩，别的一个字节也不少。"""
    monkeypatch.setattr(masking, "_CHUNK", chunk)
    file = tmp_path / "a.log"
    file.write_bytes(b"\xff head " + f"{PLAIN}{PLAIN} mid {CANARY} tail".encode() * 3)
    mask_file(file)
    assert file.read_bytes() == b"\xff head " + b"****** mid *** tail" * 3


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """链接不跟随，链到的文件不动。"""
    target = tmp_path / "target"
    target.write_text(PLAIN)
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError, match="link"):
        mask_file(tmp_path / "link")
    assert target.read_text() == PLAIN


def test_checkpoints_are_blotted_and_still_read_back(tmp_path: Path) -> None:
    """操作员把令牌说出了口：检查点里没有它，读回来的是同样长的星号。"""
    path = tmp_path / "c.sqlite"
    said = {"messages": [f"令牌是 {PLAIN}，部署"]}
    with open_saver(path) as saver:
        stored = saver.serde.dumps_typed(said)
        assert saver.serde.loads_typed(stored) == {"messages": [f"令牌是 {'*' * len(PLAIN)}，部署"]}
    assert PLAIN.encode() not in blotted(PLAIN.encode())
