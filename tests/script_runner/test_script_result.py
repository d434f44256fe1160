"""读懂脚本的输出与退出码。"""

from typing import Any

import pytest

from pam_deploy_graph.protocol.outcome import Outcome
from pam_deploy_graph.script_runner.child_process import ProcessOutcome
from pam_deploy_graph.script_runner.result import parse_output, to_result
from pam_deploy_graph.system.masking import learn
from pam_deploy_graph.system.safe_text import neutralise


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("HASH_CODE=ab\n", {"HASH_CODE": "ab"}),
        ("HASH_CODE=ab", {"HASH_CODE": "ab"}),
        ("A=1\r\nB_2=x=y \n", {"A": "1", "B_2": "x=y "}),
        ("A=1\nA=2\nA=3\n", {"A": ["1", "2", "3"]}),
        ("IP=10.0.0.1\n", {"IP": ["10.0.0.1"]}),
        ("AIRPORT_CODE=PEK\nIP=\n", {"IP": [], "AIRPORT_CODE": "PEK"}),
        ("IP=10.0.0.1\nAIRPORT_CODE=PEK\nIP=fe80::1\n", {"IP": ["10.0.0.1", "fe80::1"], "AIRPORT_CODE": "PEK"}),
        ("MESSAGE=\n", {"MESSAGE": ""}),
        ("\ufeffHOME_VERSION=1\r\n", {"HOME_VERSION": "1"}),
        ("HASH_CO", {}),
        ("说明文字\n a=1\n A=1\nlower=1\n1A=2\n=x\nA-B=1\nÄ=1\n", {}),
        ("MESSAGE=\x1b[2J\x07清屏\n", {"MESSAGE": "\\x1b[2J\\x07清屏"}),
        ("MESSAGE=a\x0bb\x85c\u2028d\n", {"MESSAGE": "a\\x0bb\\x85c\\u2028d"}),
        ("MESSAGE=a\rSUCCESS=true\n", {"MESSAGE": "a\\rSUCCESS=true"}),
        ("MESSAGE=\ufffd\ufffd\n", {"MESSAGE": "\ufffd\ufffd"}),
    ],
)
def test_output_is_parsed_line_by_line(text: str, values: dict[str, Any]) -> None:
    """只认 KEY=VALUE 行，重复成列表，控制字符看得见。"""
    assert parse_output(text) == values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("普通 文字\u3000ok", "普通 文字\u3000ok"),
        ("\u202eexe", "\\u202eexe"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\udc80", "\\udc80"),
    ],
)
def test_invisible_characters_become_visible(text: str, shown: str) -> None:
    """不可见的控制字符写成转义，空格类保留。"""
    assert neutralise(text) == shown


def ended(code: int | None, stdout: str = "", stderr: str = "", **flags: bool) -> ProcessOutcome:
    """造一个进程的结局。"""
    return ProcessOutcome(code, stdout, stderr, flags.get("timed_out", False), flags.get("cut", False))


CHANGING, READING = "deploy-ip", "verify-ip"


@pytest.mark.parametrize(
    ("outcome", "code", "changing_in_doubt", "reason"),
    [
        (ended(2, "ERROR=没有 --ip\n"), 2, False, "没有 --ip"),
        (ended(3, "ERROR=缺少 APP_NAME\n"), 3, False, "缺少 APP_NAME"),
        (ended(4, "ERROR=令牌无效\n"), 4, False, "令牌无效；请检查 PAM_TOKEN"),
        (ended(5, "ERROR=连接不上\n"), 5, False, "连接不上；请检查到 PAM 的网络"),
        (ended(6, "ERROR=先\nERROR=后\n"), 6, False, "后；请按 PAM"),
        (ended(7, "ERROR=超时\n"), 7, True, "超时"),
        (ended(8, "ERROR=HTTP 502\n"), 8, True, "HTTP 502；结果未知"),
        (ended(1, "", "line 3: boom\n"), 1, True, "line 3: boom"),
        (ended(127), 127, True, "以退出码 127 结束，没有说明原因"),
        (ended(-9), -9, True, "被信号 9 结束"),
        (ended(None, timed_out=True), 7, True, "到了时限"),
        (ended(-15, "ERROR=快好了\n", timed_out=True), 7, True, "（快好了）"),
        (ended(0, timed_out=True), 7, True, "到了时限"),
        (ended(0, "MESSAGE=ok\n", cut=True), 8, True, "输出超过上限"),
        (ended(6, "", "\x1b[31m" + "x" * 9000), 6, False, "xxx"),
        (ended(6, "ERROR=\x1b[31m红\n"), 6, False, "\\x1b[31m红"),
    ],
)
def test_exit_codes_become_results(outcome: ProcessOutcome, code: int, changing_in_doubt: bool, reason: str) -> None:  # noqa: FBT001 —— 参数表里的一列
    """每种结局：退出码照抄，会改变外界的动作在结果未知时存疑，只读的从不存疑。"""
    changing = to_result(CHANGING, "10.0.0.7", outcome)
    assert (changing.ok, changing.exit_code, changing.in_doubt) == (False, code, changing_in_doubt)
    assert reason in changing.error_summary
    assert "deploy-ip（10.0.0.7）：" in changing.error_summary
    assert len(changing.error_summary) < 700
    assert "\x1b" not in changing.error_summary
    reading = to_result(READING, "10.0.0.7", outcome)
    assert (reading.ok, reading.exit_code, reading.in_doubt) == (False, code, False)


def test_success_keeps_the_values() -> None:
    """退出码 0 是成功，值在结果里；成功时标准错误不算数。"""
    result = to_result("check-home", None, ended(0, "HOME_VERSION=1\n", "warning"))
    assert (result.ok, result.values, result.error_summary) == (True, {"HOME_VERSION": "1"}, "")


def test_a_failure_of_a_global_action_names_no_workstation() -> None:
    """全局动作的失败只写动作名，值仍然留着给调用者看。"""
    result = to_result("check-home", None, ended(5, "RETRY_AFTER=3\nERROR=忙\n"))
    assert result.error_summary.startswith("check-home：忙；")
    assert (result.outcome, result.retry_after, result.values["RETRY_AFTER"]) == (Outcome.NOT_TAKEN, 3.0, "3")


def test_a_token_too_short_to_guard_anything_is_left() -> None:
    """令牌是 ``t`` 时，``true`` 还是 ``true``：此前抹成 ``***rue``，每一台都成了失败。"""
    result = to_result("verify-ip", "10.0.0.1", ended(0, "SUCCESS=true\nMESSAGE=ok\nVERSION=1.2.3\n"), token="t")
    learn("t")
    assert result.masked().values["SUCCESS"] == "true"


def test_the_token_is_masked_wherever_a_script_prints_it() -> None:
    """现场的脚本若把令牌打印出来，结果里只有星号。"""
    for outcome in (ended(0, "MESSAGE=key canary\n"), ended(6, "ERROR=bad canary\n"), ended(1, "", "canary?")):
        assert "canary" not in repr(to_result("stop-ip", "10.0.0.1", outcome, token="canary"))


def test_a_done_script_that_owes_keys_is_not_known_to_be_done() -> None:
    """退出码 0 而缺键的，做没做不知道；只读的没有什么可存疑（contract 第 3 节）。"""
    result = to_result(CHANGING, "10.0.0.1", ended(0, "VERSION=1\n"))
    assert (result.ok, result.in_doubt, result.lacks) == (False, True, ("MESSAGE",))
    read = to_result("query-ip", "10.0.0.1", ended(0, "VERSION=1\n"))
    assert (read.ok, read.in_doubt, read.outcome) == (False, False, Outcome.UNKNOWN)
    assert "缺少 MESSAGE" in result.error_summary


@pytest.mark.parametrize(
    ("stdout", "ok", "in_doubt", "reason"),
    [
        ("MESSAGE=好了\n", True, False, ""),
        ("MESSAGE=好了\nERROR=磁盘满\n", False, True, "磁盘满"),
        ("", False, True, "SIGCHLD"),
    ],
)
def test_an_exit_code_that_nobody_can_read_is_not_zero(stdout: str, ok: bool, in_doubt: bool, reason: str) -> None:  # noqa: FBT001 —— 参数表里的一列
    """曾经的缺陷：宿主忽略 SIGCHLD，``Popen`` 说退出码是 0，失败的脚本当成了成功；现在看它说了什么。"""
    outcome = ProcessOutcome(0, stdout, "", timed_out=False, stdout_cut=False, code_lost=True)
    result = to_result(CHANGING, "10.0.0.7", outcome)
    assert (result.ok, result.in_doubt, reason in result.error_summary) == (ok, in_doubt, True)
