"""最新的检查点：看谁接着谁，不看时间；时钟拨回过也一样（LangGraph 的检查点名由时间得来）。"""

import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.checkpoint_store.newest import pointing_at
from pam_deploy_graph.errors import LedgerError

THREAD: dict[str, Any] = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


@pytest.mark.parametrize(
    ("pairs", "newest"),
    [
        ([], None),
        ([("5", None)], "5"),
        ([("5", None), ("6", "5"), ("2", "6")], "2"),
        ([("5", None), ("2", "5"), ("1", "2"), ("3", "1")], "3"),
        ([("5", None), ("6", "5"), ("7", "5")], "7"),
    ],
    ids=["没有", "一个", "拨回一次", "拨回之后接着走", "分岔"],
)
def test_the_end_of_the_chain(pairs: list[tuple[str, str | None]], newest: str | None) -> None:
    """没有被接着的那一个最新；分岔的取名字最大的。"""
    found = pointing_at(THREAD, pairs)["configurable"].get("checkpoint_id")
    assert found == newest


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, home: Path) -> str:
    """检查点放在哪里。"""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return str(home / "checkpoints.sqlite")


def test_a_clock_set_back(where: str) -> None:
    """后写的检查点名字反而小：取到的是后写的。"""
    config: Any = THREAD
    with open_saver(where) as opened:
        saver: Any = opened
        for number in (9, 8, 7, 3, 4):
            checkpoint = empty_checkpoint() | {"id": str(uuid.UUID(int=number))}
            checkpoint["channel_values"] = {"number": number}
            checkpoint["channel_versions"] = {"number": str(number)}
            config = saver.put(config, checkpoint, {"step": number}, {"number": str(number)})
        found = saver.get_tuple(THREAD)
        assert found is not None
        assert found.checkpoint["channel_values"] == {"number": 4}
        named = saver.get_tuple({"configurable": THREAD["configurable"] | {"checkpoint_id": str(uuid.UUID(int=9))}})
        assert named is not None
        assert named.checkpoint["id"] == str(uuid.UUID(int=9))


def test_a_damaged_checkpoint_is_named(home: Path) -> None:
    """检查点的字节坏了：说是哪个文件、怎么办，不是回溯。"""
    path = home / "checkpoints.sqlite"
    with open_saver(path) as opened:
        saver: Any = opened
        saver.put(THREAD, empty_checkpoint(), {}, {})
        saver.conn.execute("UPDATE checkpoints SET checkpoint = x'c1ff00'")
        with pytest.raises(LedgerError, match="读不懂"):
            saver.get_tuple(THREAD)
