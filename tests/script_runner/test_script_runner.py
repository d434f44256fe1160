"""脚本后端整体：真实的桩脚本，从动作到结果。"""

import asyncio
import stat
import threading
import time
from pathlib import Path

import anyio
import pytest

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.script_runner import ScriptActionRunner
from tests.patience import patience
from tests.script_runner.conftest import TOKEN, MakeScript, MakeState, until

SHOW_ARGV = 'printf "MESSAGE=%s\\n" "$*"'


@pytest.fixture
def runner() -> ScriptActionRunner:
    """令牌与入口都已给定的后端。"""
    return ScriptActionRunner("doc_scripts", token=TOKEN, script_entry="")


def entry_state(make_state: MakeState, script: Path, **params: str) -> AgentState:
    """用桩脚本作入口的状态。"""
    state = make_state(**params)
    state.script_entry = str(script)
    return state


def test_the_runner_is_a_backend(runner: ScriptActionRunner) -> None:
    """它满足路由要求的后端接口。"""
    assert isinstance(runner, ActionBackend)


def test_arguments_arrive_one_by_one(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState
) -> None:
    """脚本收到的正是 build_argv 拼出的参数。"""
    state = entry_state(make_state, make_script(SHOW_ARGV))
    result = runner.run_action(state, "rollback-ip", ip="10.0.0.3", stop_first=True, idempotency_key="r1:10.0.0.3:x:1")
    expected = f"rollback-ip --config {state.config_path} --ip 10.0.0.3 --stop-first --idempotency-key r1:10.0.0.3:x:1"
    assert result.values["MESSAGE"] == f"{expected} --trace-file {state.trace_file_path}"


@pytest.mark.parametrize(
    ("where", "expected"), [("state", "state"), ("override", "override"), ("state-dir", "dir"), ("own-dir", "own")]
)
def test_the_entry_is_chosen_in_order(
    where: str, expected: str, make_script: MakeScript, make_state: MakeState, tmp_path: Path
) -> None:
    """状态指定的入口优先，其次 PAM_SCRIPT_ENTRY，再次状态的目录、构造时的目录。"""
    for name in ("dir", "own"):
        (tmp_path / name).mkdir()
        make_script(f"echo MESSAGE={name}", f"{name}/pam_action.sh")
    state = make_state()
    override = ""
    if where in {"state", "override"}:
        override = str(make_script("echo MESSAGE=override", "override.sh"))
    if where == "state":
        state.script_entry = str(make_script("echo MESSAGE=state", "state.sh"))
    if where == "state-dir":
        state.script_base_dir = str(tmp_path / "dir")
    runner = ScriptActionRunner(tmp_path / "own", token=TOKEN, script_entry=override)
    assert runner.run_action(state, "stop-ip", ip="10.0.0.1").values == {"MESSAGE": expected}


def test_settings_fill_in_what_is_not_given(
    make_script: MakeScript, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """只给目录也能用：令牌和入口在用到时取自设置。"""
    runner = ScriptActionRunner("doc_scripts")
    script = make_script('printf "MESSAGE=%s\\n" "${#PAM_TOKEN}"')
    monkeypatch.setenv("PAM_TOKEN", TOKEN)
    monkeypatch.setenv("PAM_SCRIPT_ENTRY", str(script))
    assert runner.run_action(make_state(), "stop-ip", ip="10.0.0.1").values == {"MESSAGE": str(len(TOKEN))}


def test_a_script_without_the_execute_bit_is_started_by_bash(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState
) -> None:
    """从 wheel 装出来、没有执行权限的脚本也能用。"""
    state = entry_state(make_state, make_script("echo MESSAGE=ok", mode=0o644))
    assert runner.run_action(state, "stop-ip", ip="10.0.0.1").values == {"MESSAGE": "ok"}


def test_a_relative_entry_is_not_looked_for_on_the_path(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """当前目录里与系统程序同名的入口，跑的是它自己。"""
    script = make_script("echo MESSAGE=mine", "true")
    monkeypatch.chdir(script.parent)
    state = make_state()
    state.script_entry = "true"
    assert runner.run_action(state, "stop-ip", ip="10.0.0.1").values == {"MESSAGE": "mine"}


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda state: setattr(state, "script_entry", "/nowhere/x.sh"), "x.sh"),
        (lambda state: setattr(state, "script_base_dir", "/nowhere"), "没有脚本入口"),
        (lambda state: state.params.update(REQUEST_TIMEOUT="soon"), "REQUEST_TIMEOUT 的值 'soon' 应为秒数"),
        (lambda state: setattr(state, "config_path", "a\0b"), "脚本没有启动"),
    ],
)
def test_what_never_started_is_a_plain_failure(
    prepare: object, reason: str, runner: ScriptActionRunner, make_state: MakeState
) -> None:
    """起不来不是异常：肯定没有动手，退出码按配置错误算。"""
    state = make_state()
    assert callable(prepare)
    prepare(state)
    result = runner.run_action(state, "deploy-ip", ip="10.0.0.1")
    assert (result.ok, result.in_doubt, result.exit_code) == (False, False, 3)
    assert reason in result.error_summary


@pytest.mark.parametrize(
    ("action", "params", "limit", "in_doubt"),
    [
        ("deploy-ip", {}, 0.2, True),
        ("deploy-ip", {"REQUEST_TIMEOUT": "0.2"}, None, True),
        ("verify-ip", {"VERIFY_TIMEOUT": "0.2", "REQUEST_TIMEOUT": "60"}, None, False),
    ],
)
def test_a_hanging_script_ends_by_its_time_limit(
    action: str, params: dict[str, str], limit: float | None, in_doubt: bool,  # noqa: FBT001 —— 参数表里的一列
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState,
) -> None:  # fmt: skip
    """到时限即止：会改变外界的动作存疑，只读的是普通失败。"""
    state = entry_state(make_state, make_script("exec sleep 30"), **params)
    start = time.monotonic()
    result = runner.run_action(state, action, ip="10.0.0.9", time_limit=limit)
    assert time.monotonic() - start < patience(0.2 + 2)
    assert (result.ok, result.in_doubt, result.exit_code) == (False, in_doubt, 7)
    assert f"{action}（10.0.0.9）" in result.error_summary


def test_cut_output_is_not_taken_for_a_complete_answer(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState
) -> None:
    """列表被截断时是失败，绝不当作少了几台工作站。"""
    state = entry_state(make_state, make_script("yes IP=10.0.0.1 | head -c 3000000; echo AIRPORT_CODE=PEK"))
    result = runner.run_action(state, "get-online-ips")
    assert (result.ok, result.in_doubt) == (False, False)
    assert "超过上限" in result.error_summary


def test_the_token_stays_in_the_environment(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState, tmp_path: Path
) -> None:
    """令牌不在参数里；脚本打印它，结果里也只有星号；轨迹目录是私有的。"""
    body = 'tr "\\0" " " </proc/$$/cmdline >argv.txt; echo "MESSAGE=$PAM_TOKEN"'
    state = entry_state(make_state, make_script(f'cd "{tmp_path}"; {body}'))
    result = runner.run_action(state, "stop-ip", ip="10.0.0.1")
    assert result.values == {"MESSAGE": "***"}
    assert TOKEN not in (tmp_path / "argv.txt").read_text()
    assert stat.S_IMODE(Path(state.trace_file_path).parent.stat().st_mode) == 0o700


async def test_async_calls_are_bounded(make_script: MakeScript, make_state: MakeState, tmp_path: Path) -> None:
    """arun_action 与同步的结果相同，同时在跑的不超过给定的个数。"""
    runner = ScriptActionRunner("doc_scripts", token=TOKEN, script_entry="", concurrency=3)
    body = f'echo x >>"{tmp_path}/now"; sleep 0.2; echo "MESSAGE=$(wc -l <"{tmp_path}/now")"'
    state = entry_state(make_state, make_script(body))
    start = time.monotonic()
    threads_before = threading.active_count()
    results = await asyncio.gather(*(runner.arun_action(state, "stop-ip", ip=f"10.0.0.{n}") for n in range(1, 7)))
    assert all(result.ok for result in results)
    assert time.monotonic() - start > 0.4
    assert threading.active_count() == threads_before


async def test_cancelling_waits_for_the_script(make_script: MakeScript, make_state: MakeState, tmp_path: Path) -> None:
    """取消等这一个脚本做完；结果不丢，还没有开始的不再开始。"""
    runner = ScriptActionRunner("doc_scripts", token=TOKEN, script_entry="", concurrency=1)
    state = entry_state(make_state, make_script(f'echo x >>"{tmp_path}/ran"; sleep 0.3; echo MESSAGE=done'))
    results: list[ActionResult] = []

    async def act() -> None:
        """做一个动作，记下结果。"""
        results.append(await runner.arun_action(state, "stop-ip", ip="10.0.0.1"))

    async with anyio.create_task_group() as group:
        group.start_soon(act)
        group.start_soon(act)
        await until((tmp_path / "ran").exists)
        group.cancel_scope.cancel()
    assert [result.values for result in results] == [{"MESSAGE": "done"}]
    assert (tmp_path / "ran").read_text() == "x\n"


async def test_the_synchronous_call_works_inside_a_loop(
    runner: ScriptActionRunner, make_script: MakeScript, make_state: MakeState
) -> None:
    """在事件循环里调用同步接口也照常返回。"""
    state = entry_state(make_state, make_script("echo MESSAGE=ok"))
    assert runner.run_action(state, "stop-ip", ip="10.0.0.1").values == {"MESSAGE": "ok"}
