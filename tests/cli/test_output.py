"""输出与设置：数据去标准输出，进度去标准错误；``--json`` 一行一个事件；参数的先后（contract 第 2、8 节）。"""

import json

import pytest

from pam_deploy_graph.system.account import acting_account, current_operator
from tests.cli.program import Pam
from tests.cli.site import Site

AWAY = "http://127.0.0.1:1"


def test_data_and_progress(site: Site) -> None:
    """标准输出只有报告，标准错误只有进度；没有终端时都是不折行的纯文字。"""
    site.take(2)
    done = site.run("--yes")
    assert done.code == 0
    assert done.out.startswith("## PAM 智能部署报告")
    assert site.pam("report", site.run_id).out.startswith(done.out.rstrip("\n"))
    assert "开始" not in done.out
    for ip in site.ips:
        assert f"{ip} 完成" in done.err
    assert "\x1b" not in done.out + done.err
    assert "## PAM" not in done.err


def test_json_lines(site: Site) -> None:
    """``--json``：标准输出每行一个 JSON 事件，按先后；最后一行是停在哪里和退出码。"""
    good, bad = site.take(2)
    site.lab.add_fault(f"{bad}:verify:fail")
    started = site.run("--yes", "--json")
    assert (started.code, started.events()[-1]) == (
        10,
        {"type": "WAITING", "run_id": site.run_id, "exit_code": 10},
    )
    assert site.confirm("approve").code == 0
    resumed = site.resume("--json")
    assert resumed.events()[-1] == {"type": "ENDED", "run_id": site.run_id, "exit_code": 11}
    events = started.events()[:-1] + resumed.events()[:-1]
    kinds = [(event["type"], event.get("ip")) for event in events]
    order: list[tuple[str, str | None]] = [
        ("IP_START", good),
        ("IP_DONE", good),
        ("IP_START", bad),
        ("CONFIRMATION_REQUIRED", bad),
    ]
    order += [("ROLLBACK_DONE", bad), ("RUN_FINISHED", None)]
    assert [kind for kind in kinds if kind in order] == order
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)


@pytest.mark.parametrize(("decision", "note"), [("approve", ""), ("reject", "王姐说先别动")])
def test_json_of_a_decision(site: Site, decision: str, note: str) -> None:
    """``confirm --json``：标准输出是一个对象，说明记下了谁对什么的决定；标准错误照旧。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run("--yes").code == 10
    done = site.confirm(decision, "--note", note, "--operator", "李娜", "--json")
    said: dict[str, object] = {
        "run_id": site.run_id,
        "decision": decision,
        "subjects": [ip],
        "operator": "李娜",
        "note": note,
    }
    said |= {"account": str(acting_account()), "refused": [], "wants_another": False}
    assert (done.code, done.json()) == (0, said)
    assert "已记下" in done.err
    wrong = site.confirm(decision, "--ip", "10.99.0.1", "--json")
    assert (wrong.code, wrong.out, "10.99.0.1" in wrong.err) == (2, "", True)


@pytest.mark.parametrize("stage", ["plan", "decided"])
def test_json_of_a_cancellation(site: Site, stage: str) -> None:
    """``cancel --json``：标准输出是一个对象，说明是否就此结束、还欠着哪几台；取消的人是真正的账号，不信 LOGNAME。"""
    (ip,) = site.take(1)
    if stage == "decided":
        site.lab.add_fault(f"{ip}:verify:fail")
        assert (site.run("--yes").code, site.confirm("approve").code) == (10, 0)
    else:
        assert site.run().code == 10
    done = site.pam("cancel", site.run_id, "--json", env={"LOGNAME": "张三"})
    owed, code = ([ip], None) if stage == "decided" else ([], 12)
    said = {"run_id": site.run_id, "cancelled_by": current_operator(), "holder": None, "owed": owed, "exit_code": code}
    assert (done.code, done.json()) == (0, said)


def test_json_of_the_demo(pam: Pam) -> None:
    """``demo --json``：与 ``run`` 一样一行一个事件，最后一行是与试验场核对的结果；进度在标准错误。"""
    done = pam("demo", "--yes", "--json")
    assert done.code == 0
    *_, ended, checked = done.events()
    assert (ended["type"], ended["exit_code"]) == ("ENDED", 11)
    eight = [f"10.0.0.{number}" for number in range(1, 9)]
    updated = [ip for ip in eight if ip != "10.0.0.4"]
    assert (checked["type"], checked["run_id"], checked["exit_code"]) == ("LAB_CHECKED", ended["run_id"], 0)
    assert (checked["claimed"], checked["updated"]) == (updated, updated)
    assert (checked["former"], checked["stopped"], checked["version"]) == (["10.0.0.4"], [], "1.2.3")
    assert "核对过试验场" in done.err


@pytest.mark.parametrize(
    ("given", "env", "file"),
    [("lab", AWAY, AWAY), ("", "lab", AWAY), ("", "", "lab")],
    ids=["option-wins", "environment-over-file", "file"],
)
def test_where_home_is(site: Site, given: str, env: str, file: str) -> None:
    """``PAM_HOME_URL``：命令行压过环境，环境压过 ``.env``。"""
    site.take(1)
    given, env, file = (site.lab.home_url if value == "lab" else value for value in (given, env, file))
    site.pam.home.mkdir()
    (site.pam.home / ".env").write_text(f"PAM_HOME_URL={file}\nPAM_TOKEN={site.lab.token}\n")
    if not env:
        del site.pam.env["PAM_HOME_URL"], site.pam.env["PAM_TOKEN"]
    done = site.run(env={"PAM_HOME_URL": env} if env else None, PAM_HOME_URL=given)
    assert done.code == 10, done.err
    assert site.effects() == []


@pytest.mark.parametrize("notepad", [True, False])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_of_params(site: Site, *, as_json: bool, notepad: bool) -> None:
    """``--params`` 的两种写法都收，记事本存的（BOM、回车换行、空白行）也收，``--param`` 压过它。"""
    site.take(1)
    params = site.params(VERSION_NUMBER="9.9.9")
    text = json.dumps(params) if as_json else "".join(f"{name}={value}\n" for name, value in params.items())
    file = site.pam.folder / "params"
    file.write_bytes(b"\xef\xbb\xbf" + f"{text} \n".replace("\n", "\r\n").encode() if notepad else text.encode())
    argv = ["run", "--params", file, "--param", f"VERSION_NUMBER={site.version}", "--targets", site.ips[0]]
    assert site.pam(*argv, "--run-id", site.run_id, "--strategy", "script_only", "--yes").code == 0
    site.all_right()


def test_the_plan_is_shown_to_whom_may_approve_it(site: Site) -> None:
    """没有终端：要批准的计划写到标准错误与 JSON 事件里，别的终端用 status 也看得到；批准之后说等着执行。"""
    (ip,) = site.take(1)
    done = site.run("--json")
    assert done.code == 10
    assert all("PAM 部署计划" in text and ip in text for text in (done.err, site.pam("status", site.run_id).out))
    assert "--retry" not in done.err
    question = done.events()[-2]["question"]
    waiting = site.status()
    assert (question["ask"], waiting["waiting"][0]["text"]) == ("approve_plan", question["plan"]["text"])
    assert (waiting["counts"]["targets"], waiting["counts"]["not_started"]) == (1, 1)
    site.confirm("approve")
    assert site.status()["phase"] == "decided"


def test_scopes_add_up(site: Site) -> None:
    """``--targets`` 与 ``--exclude`` 给几次都算数，不是最后一次压过前面的；报告写明要求的是哪些。"""
    first, second, third, fourth = site.take(4)
    done = site.run(
        "--targets", f"{first},{second}", "--targets", f"{third},{fourth}", "--exclude", second, "--exclude", fourth
    )
    assert done.code == 10
    control = site.report()["control_params"]
    assert control == {"target_ips": [first, second, third, fourth], "exclude_ips": [second, fourth]}
    assert set(site.report()["ips"]) == {first, third}


def test_notes_go_to_standard_error(pam: Pam) -> None:
    """``analyze`` 要告诉操作员的话在标准错误，标准输出仍是一个 JSON 对象。"""
    done = pam("analyze", "--json", "今晚把首都机场 checkin 的 gate 升级到 1.2.3")
    assert done.json()["intent"] == "deploy"
    assert "今晚" in done.err


def test_a_rollback_that_failed_is_said_when_asking_again(site: Site) -> None:
    """回滚失败之后再问：问题与状态都要说上次没有成功。"""
    (ip,) = site.take(1)
    for fault in ("verify:fail:1", "rollback:fail:1"):
        site.lab.add_fault(f"{ip}:{fault}")
    asked = site.run("--yes")
    assert (asked.code, "上次回滚没有成功" in asked.err) == (10, False)
    assert site.confirm("approve").code == 0
    assert "上次回滚没有成功" in site.resume().err
    assert "上次回滚没有成功" in site.pam("status", site.run_id).out
    assert (site.confirm("approve").code, site.resume().code) == (0, 11)
