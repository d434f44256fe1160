"""一张表：应答归成哪一种；参考脚本自带的抄本逐格与程序的相同（contract 第 3 节「应答算什么」）。"""

import subprocess
from pathlib import Path

import pytest

from pam_deploy_graph.config_writer import write_config
from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.protocol.outcome import Outcome, Transport, classify, outcome_of, own_error, retry_after
from tests.script_runner.conftest import ENTRY, PARAMS, TOKEN
from tests.script_runner.wire import reply, wire_pam

OWN = b"ERROR=no\n"
PAGE = b"<html>proxy</html>"
DONE = b"MESSAGE=ok\n"
SAMPLE = (200, 201, 204, 301, 400, 401, 403, 404, 405, 408, 409, 413, 418, 422, 425, 429, 500, 502, 503, 504, 599)
BODIES = {"own": OWN, "page": PAGE, "empty": b"", "done": DONE}


def expected(status: int, body: bytes) -> ScriptExit:
    """程序的表怎么说。"""
    return classify(Transport.ANSWERED, status, body, complete=body == DONE)


@pytest.mark.parametrize(
    ("status", "own", "page"),
    [
        (200, "unknown", "unknown"),
        (302, "unknown", "unknown"),
        (400, "refused", "unknown"),
        (401, "refused", "unknown"),
        (403, "refused", "unknown"),
        (404, "refused", "unknown"),
        (409, "refused", "unknown"),
        (413, "refused", "unknown"),
        (422, "unknown", "unknown"),
        (429, "not_taken", "not_taken"),
        (500, "unknown", "unknown"),
        (503, "not_taken", "not_taken"),
    ],
)
def test_the_table(status: int, own: str, page: str) -> None:
    """逐行：带着 PAM 自己的错误，与代理的页面。"""
    assert [outcome_of(expected(status, body)) for body in (OWN, PAGE)] == [own, page]


def test_every_other_status_is_unknown() -> None:
    """没有列出的状态，无论说什么，都是不知道。"""
    listed = {400, 401, 403, 404, 409, 413, 429, 503}
    odd = [status for status in range(300, 600) if status not in listed]
    assert {outcome_of(expected(status, body)) for status in odd for body in BODIES.values()} == {Outcome.UNKNOWN}


def test_what_never_arrived() -> None:
    """没有送出、断了、到了时限；约定之外的退出码与信号都是不知道。"""
    found = [outcome_of(classify(transport)) for transport in Transport if transport is not Transport.ANSWERED]
    assert found == [Outcome.NOT_TAKEN, Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert {outcome_of(code) for code in (1, 7, 8, 9, 126, 127, -9, -15)} == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": "no"}', "no"),
        (b'{"jsonrpc": "2.0", "error": {"code": 1, "message": "no"}}', "no"),
        (b"X=1\r\nERROR=first\r\nERROR=no\r\n", "no"),
        (PAGE, ""),
        (b'{"error": 5}', ""),
        (b'{"message": "no"}', ""),
        (b"[1]", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_pams_own_error(body: bytes, reason: str) -> None:
    """PAM 自己的错误认得出，代理的页面不算。"""
    assert own_error(body) == reason


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), (" 0 ", 0.0), ("", None), ("soon", None), ("-1", None)])
def test_retry_after(text: str, seconds: float | None) -> None:
    """秒数读得懂；过去的日期是零；读不懂的没有。"""
    assert retry_after(text) == seconds
    assert retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0.0


def told_apart(folder: Path, statuses: range | tuple[int, ...]) -> int:
    """拿每个状态、每种正文驱动参考脚本，逐格与程序的表比；返回比了几格。"""
    compared = 0
    with wire_pam() as pam:
        config = write_config(PARAMS | {"NODE_URL": pam.url, "PAM_HOME_URL": pam.url}, folder / "config.txt")
        argv = ["/bin/bash", str(ENTRY), "stop-ip", "--config", str(config), "--ip", "10.0.0.1"]
        for status in statuses:
            for name, body in BODIES.items():
                pam.on("POST", "/api/workstations/10.0.0.1/stop", reply(status, b"" if status == 204 else body))
                env = {"PATH": "/usr/bin:/bin", "PAM_TOKEN": TOKEN}
                done = subprocess.run(argv, env=env, capture_output=True, check=False, timeout=20)
                assert done.returncode == expected(status, b"" if status == 204 else body), (status, name, done)
                compared += 1
    return compared


def test_the_script_agrees(tmp_path: Path) -> None:
    """每一类各取几个：参考脚本的退出码与程序的表相同。"""
    compared = told_apart(tmp_path, SAMPLE)
    print(f"参考脚本与程序的表：比了 {compared} 格，全部相同")  # noqa: T201  数目要让人看见
    assert compared == len(SAMPLE) * len(BODIES)


@pytest.mark.slow
def test_the_script_agrees_on_every_status(tmp_path: Path) -> None:
    """300 到 599 每个状态、每种正文。"""
    compared = told_apart(tmp_path, range(300, 600))
    print(f"参考脚本与程序的表：比了 {compared} 格，全部相同")  # noqa: T201  数目要让人看见
    assert compared == 300 * len(BODIES)
