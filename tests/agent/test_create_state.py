"""``create_state``：名字、默认路径、登记与输入检查（contract 第 6 节）。"""

import re
import stat
from pathlib import Path

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.config_writer import parse_config
from pam_deploy_graph.constants import (
    ACTIONS,
    DEFAULT_PARAMS,
    DEFAULT_STRATEGY,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    REQUIRED_PARAMS,
    build_action_backends,
)
from pam_deploy_graph.errors import InvalidInputError, RunConflictError
from pam_deploy_graph.models import AgentState
from tests.agent.rig import DATABASE, FIRST, ONLINE, PARAMS, SECOND, Rig, execute, folded

CONTRACT_FIELDS = (
    *("run_id", "params", "execution_strategy", "action_backends", "script_entry", "script_base_dir", "config_path"),
    *("trace_file_path", "checkpoint_path", "hash_code", "node_url", "online_ips", "requested_ips", "target_ips"),
    *("control_params", "completed_global_steps", "ip_states", "pending_confirmation", "last_success_step"),
    *("last_failed_step", "events"),
)


def test_defaults(rig: Rig) -> None:
    """只给参数：策略是混合，名字是当前时间，路径在默认的位置，什么都还没有做。"""
    state = rig.agent.create_state(params=PARAMS)
    assert state.execution_strategy == "hybrid_node_mcp"
    assert state.action_backends == build_action_backends("hybrid_node_mcp")
    assert re.fullmatch(r"\d{8}_\d{6}", state.run_id)
    assert state.config_path == f"runtime/config_{state.run_id}.txt"
    assert state.trace_file_path == f"logs/api_trace_{state.run_id}.log"
    assert state.checkpoint_path == ""
    assert (state.online_ips, state.ip_states, state.events, state.completed_global_steps) == ([], {}, [], [])
    assert (state.pending_confirmation, state.requested_ips, state.hash_code, state.node_url) == ("", None, "", "")
    assert rig.calls == []


def test_state_has_the_contracts_attributes(rig: Rig) -> None:
    """合同点名的属性一个不少，而且都能改。"""
    state = rig.state()
    for name in CONTRACT_FIELDS:
        setattr(state, name, getattr(state, name))
    assert isinstance(state, AgentState)


def test_default_names_are_unique(rig: Rig) -> None:
    """同一秒里连建几个，名字也不重复。"""
    names = [rig.agent.create_state(params=PARAMS).run_id for _ in range(5)]
    assert len(set(names)) == len(names)


def test_config_is_written_with_all_parameters(rig: Rig) -> None:
    """配置文件当场写好：含全部部署参数与补齐的默认值，只有本人可读。"""
    state = rig.state(run_id="r1")
    config = parse_config(Path(state.config_path).read_text(encoding="utf-8"))
    assert (
        {name: config[name] for name in [*REQUIRED_PARAMS, *DEFAULT_PARAMS]} == state.params == DEFAULT_PARAMS | PARAMS
    )
    assert stat.S_IMODE(Path(state.config_path).stat().st_mode) == 0o600


def test_given_paths_are_used(rig: Rig) -> None:
    """给出的入口、配置、轨迹、检查点路径都照用。"""
    state = rig.state(
        script_entry="my.sh",
        config_path=Path("c/cfg.txt"),
        trace_file_path="t/trace.log",
        checkpoint_path="k/ckpt.json",
    )
    assert (state.script_entry, state.config_path) == ("my.sh", "c/cfg.txt")
    assert (state.trace_file_path, state.checkpoint_path) == ("t/trace.log", "k/ckpt.json")
    assert Path("c/cfg.txt").is_file()


def test_script_base_dir_goes_into_the_state(home: Path) -> None:
    """构造时给的脚本目录写进状态。"""
    state = PamDeployAgent(script_base_dir="site_scripts").create_state(params=PARAMS, execution_strategy="fake")
    assert state.script_base_dir == "site_scripts"


@pytest.mark.parametrize("strategy", ["hybrid_node_mcp", "script_only", "fake"])
def test_strategy_decides_the_backends(strategy: str, rig: Rig) -> None:
    """三种策略各有各的分工，每个动作都有着落。"""
    state = rig.agent.create_state(params=PARAMS, execution_strategy=strategy)
    assert (state.execution_strategy, set(state.action_backends)) == (strategy, set(ACTIONS))


@pytest.mark.parametrize("run_id", ["r", "0", "a.b-c_D9", "x" * 64])
def test_run_ids_that_fit(run_id: str, rig: Rig) -> None:
    """合规则的名字照用。"""
    assert rig.state(run_id=run_id).run_id == run_id


@pytest.mark.parametrize("run_id", ["", ".", "-r", "_r", "x" * 65, "a b", "a/b", "../r", "r\n", "运行", "r;rm"])
def test_run_ids_that_do_not_fit(run_id: str, rig: Rig) -> None:
    """不合规则的名字被拒绝，指出是 run_id，什么也没有写。"""
    with pytest.raises(InvalidInputError, match="run_id"):
        rig.state(run_id=run_id)
    assert not list(Path("runtime").glob("config_*"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"params": {}}, "缺少必填参数: AIRPORT_CODE, APP_NAME, MODULE_NAME, VERSION_NUMBER"),
        ({"params": PARAMS | {"VERSION_NUMBER": "1.0;rm -rf /"}}, "VERSION_NUMBER"),
        ({"params": PARAMS | {"AIRPORT_CODE": "PEKX"}}, "AIRPORT_CODE"),
        ({"params": PARAMS | {"APP_NAME": "../etc"}}, "APP_NAME"),
        ({"params": PARAMS | {"PAM_TOKEN": "s3cret"}}, "PAM_TOKEN"),
        ({"target_ips": ["10.0.0.300"]}, "10.0.0.300"),
        ({"control_params": {"max_parallel": 0}}, "max_parallel"),
        ({"control_params": {"exclude_ips": "nowhere"}}, "nowhere"),
        ({"control_params": {"speed": 9}}, "speed"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(options: dict[str, object], named: str, rig: Rig) -> None:
    """不合规则的输入在登记之前就被拒绝，消息指出是哪个参数或值，也不复述秘密。"""
    with pytest.raises(ValueError, match=re.escape(named)) as caught:
        rig.state(run_id="r1", **options)
    assert "s3cret" not in str(caught.value)
    assert not list(Path("runtime").glob("config_*"))
    assert execute("SELECT count(*) FROM runs") == [(0,)]


def test_targets_are_recorded_as_asked(rig: Rig) -> None:
    """要求的工作站按书写次序记下，范围展开。"""
    state = rig.state(target_ips=[SECOND, "10.0.0.10-11", FIRST])
    assert state.requested_ips == [SECOND, "10.0.0.10", "10.0.0.11", FIRST]


def test_targets_may_come_with_the_control_parameters(rig: Rig) -> None:
    """控制参数里的目标与单独给的目标是一回事；其余控制参数留在状态里。"""
    state = rig.state(control_params={"target_ips": f"{SECOND}, {FIRST}", "max_parallel": "2", "ask_after": 3})
    assert state.requested_ips == [SECOND, FIRST]
    assert state.control_params == {"max_parallel": 2, "ask_after": 3}


def test_the_run_is_in_the_ledger(rig: Rig) -> None:
    """建好就登记进 ``runtime/pam.db``，另一个进程折叠出同样的状态。"""
    state = rig.state(run_id="r1", target_ips=[FIRST])
    assert DATABASE.is_file()
    assert folded("r1").to_dict() == state.to_dict()


def test_the_ledger_follows_the_current_folder(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """换了当前目录，同一个代理就写那里的账本。"""
    rig.state(run_id="r1")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    rig.state(run_id="r1", params=PARAMS | {"VERSION_NUMBER": "9"})
    assert (other / DATABASE).is_file()
    assert (folded("r1").params["VERSION_NUMBER"], folded("r1", tmp_path / DATABASE).params["VERSION_NUMBER"]) == (
        "9",
        "1.3.0",
    )


def test_a_name_with_other_input_is_refused(rig: Rig) -> None:
    """名字已被另一份输入占用：拒绝并说怎么办。"""
    rig.state(run_id="r1")
    with pytest.raises(RunConflictError, match="r1"):
        rig.state(run_id="r1", params=PARAMS | {"VERSION_NUMBER": "2.0.0"})


def test_the_same_input_goes_on(rig: Rig) -> None:
    """同名同输入的真实运行接着走：状态是账本里最新的样子（演练除外，它从头重做）。"""
    state = rig.agent.create_state(params=PARAMS, run_id="r1", execution_strategy="script_only")
    state.action_backends = build_action_backends("fake")
    rig.agent.run_global_flow(state)
    again = rig.agent.create_state(params=PARAMS, run_id="r1", execution_strategy="script_only")
    assert again.completed_global_steps == state.completed_global_steps != []
    assert (again.online_ips, again.hash_code) == (ONLINE, state.hash_code)


def test_a_rehearsal_starts_over(rig: Rig) -> None:
    """同名的 ``fake`` 演练没有外部世界，从头重做。"""
    rig.agent.run_deploy_flow(rig.state(run_id="r1"))
    again = rig.state(run_id="r1")
    assert (again.completed_global_steps, again.ip_states) == ([], {})
    rig.fake.calls.clear()
    rig.agent.run_deploy_flow(again)
    assert len(rig.calls) == len(GLOBAL_ACTION_SEQUENCE) + len(IP_ACTION_SEQUENCE) * 3
    assert folded("r1").ip_states == again.ip_states


@pytest.mark.parametrize(
    ("given", "said", "chosen"),
    [
        ({}, "script_only", "script_only"),
        ({"execution_strategy": "fake"}, "script_only", "fake"),
        ({}, "", DEFAULT_STRATEGY),
    ],
)
def test_the_strategy_a_sentence_names(home: Path, given: dict[str, str], said: str, chosen: str) -> None:
    """控制参数里点名的策略压过默认值，另外指定的又压过它。"""
    control = {"execution_strategy": said} if said else {}
    state = PamDeployAgent().create_state(params=PARAMS, control_params=control, **given)
    assert (state.execution_strategy, state.action_backends) == (chosen, build_action_backends(chosen))
