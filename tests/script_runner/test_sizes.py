"""脚本收的东西都有大小：分块的应答、没完的日志；日志里跨着两块的令牌也遮掉，NUL 照样留着。"""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.script_runner.conftest import TOKEN, MakeState
from tests.script_runner.test_pam_action import QUERY, script
from tests.script_runner.wire import WirePam, reply

MOST_ANSWER, MOST_LOG = 8 << 20, 1 << 20


def chunked(pieces: int, piece: bytes) -> Callable[[socket.socket], None]:
    """分块地答，事先不说有多大；对面不收了就算了。"""

    def answer(connection: socket.socket) -> None:
        """一块一块地写。"""
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            for _ in range(pieces):
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.sendall(b"0\r\n\r\n")

    return answer


@pytest.fixture
def config(make_state: MakeState, pam: WirePam) -> Path:
    """指向裸 PAM 的配置。"""
    path = Path(make_state(PAM_HOME_URL=pam.url).config_path)
    path.write_text(path.read_text() + f"NODE_URL={pam.url}\n")
    return path


@pytest.mark.parametrize("known", [True, False], ids=["content-length", "chunked"])
def test_an_answer_that_is_too_big(pam: WirePam, config: Path, *, known: bool) -> None:
    """八兆之外的应答不收：结果未知，说出上限；不论它事先说没说多大。"""
    piece = b"MESSAGE=" + b"x" * (1 << 20) + b"\n"
    whole = reply(200, piece * 9) if known else chunked(64, piece)
    pam.on("POST", "/api/workstations/10.0.0.1/stop", whole)
    code, lines = script("stop-ip", "--config", str(config), "--ip", "10.0.0.1")
    assert code == 8
    assert str(MOST_ANSWER) in lines[-1]
    assert sum(map(len, lines)) < 1_000


def test_a_log_keeps_its_beginning(pam: WirePam, config: Path) -> None:
    """日志再长，磁盘上也只有一兆和一句说明，状态照样读得到。"""
    pam.on("GET", f"/api/workstations/10.0.0.1/log{QUERY}", chunked(40, b"0123456789abcde\n" * 8_192))
    code, (line,) = script("download-log", "--config", str(config), "--ip", "10.0.0.1")
    saved = Path(line.removeprefix("LOG_FILE=")).read_bytes()
    assert (code, saved[:16]) == (0, b"0123456789abcde\n")
    assert MOST_LOG < len(saved) < MOST_LOG + 200
    assert "后面的没有留" in saved.decode()


@pytest.mark.parametrize("before", [0, 65_530, 65_536, 131_060])
def test_the_token_never_reaches_the_disk(pam: WirePam, config: Path, before: int) -> None:
    """令牌落在哪里都遮掉，前后的字节、NUL 一个不少。"""
    content = b"a" * before + TOKEN.encode() + b"\0z" + TOKEN.encode() + b"\nend\n"
    pam.on("GET", f"/api/workstations/10.0.0.1/log{QUERY}", reply(200, content))
    code, (line,) = script("download-log", "--config", str(config), "--ip", "10.0.0.1")
    saved = Path(line.removeprefix("LOG_FILE=")).read_bytes()
    assert (code, saved) == (0, content.replace(TOKEN.encode(), b"***"))
