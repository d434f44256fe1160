"""输出与设置：数据去标准输出，进度去标准错误；``--json`` 一行一个事件；参数的先后（contract 第 2、8 节）。"""

import json

import pytest

from tests.cli.site import Site

AWAY = "http://127.0.0.1:1"


def test_data_and_progress(site: Site) -> None:
    """标准输出只有报告，标准错误只有进度；没有终端时都是不折行的纯文字。"""
    site.take(2)
    done = site.run("--yes")
    assert done.code == 0
    assert done.out.startswith("## PAM 智能部署报告")
    assert done.out == site.pam("report", site.run_id).out
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


@pytest.mark.parametrize(
    ("given", "env", "file"),
    [("lab", AWAY, AWAY), ("", "lab", AWAY), ("", "", "lab")],
    ids=["option-wins", "environment-over-file", "file"],
)
def test_where_home_is(site: Site, given: str, env: str, file: str) -> None:
    """``PAM_HOME_URL``：命令行压过环境，环境压过 ``.env``。"""
    site.take(1)
    given, env, file = (site.lab.home_url if value == "lab" else value for value in (given, env, file))
    (site.pam.folder / ".env").write_text(f"PAM_HOME_URL={file}\n")
    if not env:
        del site.pam.env["PAM_HOME_URL"]
    done = site.run(env={"PAM_HOME_URL": env} if env else None, PAM_HOME_URL=given)
    assert done.code == 10, done.err
    assert site.effects() == []


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_of_params(site: Site, *, as_json: bool) -> None:
    """``--params`` 的两种写法都收，``--param`` 压过它。"""
    site.take(1)
    params = site.params(VERSION_NUMBER="9.9.9")
    text = json.dumps(params) if as_json else "".join(f"{name}={value}\n" for name, value in params.items())
    file = site.pam.folder / "params"
    file.write_text(text)
    argv = ["run", "--params", file, "--param", f"VERSION_NUMBER={site.version}", "--targets", site.ips[0]]
    assert site.pam(*argv, "--run-id", site.run_id, "--strategy", "script_only", "--yes").code == 0
    site.all_right()
