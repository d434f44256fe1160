"""整包在没有 Python 的机器上：契约里的命令都能用（``make bundle-check``）。"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.bare_root import SECONDS, BareRoot, truth
from tests.llm.scripted_model import Scene, serve
from tests.llm.test_openai_client import answer
from tests.patience import patience
from tools.bundle.recipe import BUNDLE

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(600)]


def rollout(version: str, targets: str, *options: str, run_id: str) -> list[str]:
    """``run`` 的参数。"""
    params = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": version}
    params["PACKAGE_PATH"] = f"/data/{version}.pkg"
    given = [part for name, value in params.items() for part in ("--param", f"{name}={value}")]
    return ["run", *given, "--targets", targets, "--run-id", run_id, "--home", "/data", *options]


def make_package(root: BareRoot, version: str) -> None:
    """在里面放一个安装包。"""
    (root.path / "data" / f"{version}.pkg").write_bytes(f"gate {version}\n".encode() * 1000)


def test_there_is_no_python(root: BareRoot) -> None:
    """里面没有 Python，``/usr`` 下也没有它的任何东西。"""
    assert root.bash("type -P python python3").code == 1
    assert not list((root.path / "usr").rglob("*python*"))


def test_a_bill_of_materials(root: BareRoot) -> None:
    """物料清单与 ``VERSIONS`` 说的是同样的包、同样的版本。"""
    folder = root.path / "opt" / BUNDLE
    bill = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    packages = [one for one in bill["components"] if one.get("purl", "").startswith("pkg:pypi/")]
    listed = {f"{one['name']}=={one['version']}" for one in packages}
    assert listed == {line for line in (folder / "VERSIONS").read_text().splitlines() if not line.startswith("#")}
    assert bill["specVersion"] == "1.6"


def test_starts(root: BareRoot) -> None:
    """不用任何环境变量就能给出帮助，中文不走样。"""
    done = root("--help")
    assert (done.code, "面向机场共享工作站" in done.out) == (0, True), done


def test_demo(root: BareRoot) -> None:
    """演示走完：试验场、MCP 服务、bash 与 curl 都起得来，报告与真相相符；不留下进程。"""
    done = root("demo", "--yes", "--home", "/data/demo")
    assert done.code == 0, done
    assert "核对过试验场：7 台" in done.err
    assert not running(), running()


@pytest.mark.parametrize(
    ("text", "airport"),
    [
        ("把首都机场的 checkin 应用 gate 模块升级到 1.2.3", "PEK"),
        ("deploy checkin gate 1.2.3 to TKU", "TKU"),
        ("請將桃園機場的 checkin 應用 gate 模組升級到 1.2.3", "TPE"),
    ],
)
def test_analyze(root: BareRoot, text: str, airport: str) -> None:
    """听得懂；少见的三字码取自随包的 ``airportsdata``，繁体字靠随包的 ``opencc``。"""
    done = root("analyze", "--json", text)
    assert done.code == 0, done
    found = done.json()
    assert (found["intent"], found["params"]["extracted_params"]["AIRPORT_CODE"]) == ("deploy", airport)


def test_model(root: BareRoot) -> None:
    """接得上 OpenAI 兼容的模型：收的那部分 openai 够用，用的是模型的回答。"""
    with serve(Scene(answer(version_number="9.8.7"))) as model:
        env = {"PAM_LLM_MODEL": "m", "OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "key"}
        done = root.within(**env)("analyze", "--json", "把浦东机场的 checkin 应用 gate 模块升级到 9.8.7，先灰度两台")
    assert done.code == 0, done
    assert done.json()["params"]["control_params"]["canary"] == 2
    # 头一问的回答若没有被接受，就会换成函数调用再问。
    assert model.requests
    assert not [request for request in model.requests if "tools" in request]


def test_rollout_pauses_and_resumes(pam: BareRoot, lab: dict[str, Any]) -> None:
    """经 MCP 推出：一台失败停下来等人，批准之后继续，报告三种写法都有，与真相相符。"""
    make_package(pam, "2.0.1")
    assert pam(*rollout("2.0.1", "10.0.0.1-10.0.0.3", "--yes", run_id="night")).code == 10
    status = pam("status", "night", "--json", "--home", "/data")
    assert (status.code, "10.0.0.2" in status.out) == (0, True), status
    assert pam("confirm", "night", "--approve", "--home", "/data").code == 0
    done = pam("resume", "night", "--home", "/data")
    assert done.code == 11, done
    now = truth(lab)
    assert [now[f"10.0.0.{n}"]["version"] for n in (1, 2, 3)] == ["2.0.1", "1.2.2", "2.0.1"]
    page = pam("report", "night", "--format", "html", "--home", "/data").out
    assert page.startswith("<!doctype html>"), page[:100]
    assert "10.0.0.2" in page
    report = pam("report", "night", "--format", "json", "--home", "/data").json()
    assert set(report["action_backends"].values()) == {"script", "mcp"}
    assert "PAM 智能部署报告" in pam("report", "night", "--format", "md", "--home", "/data").out


def test_scripts_alone(pam: BareRoot, lab: dict[str, Any]) -> None:
    """全经脚本推出：包里的 bash 脚本与系统的 curl。"""
    make_package(pam, "2.0.2")
    options = ("--yes", "--strategy", "script_only", "--max-parallel", "4")
    done = pam(*rollout("2.0.2", "10.0.0.4-10.0.0.7", *options, run_id="scripts"))
    assert done.code == 0, done
    assert {truth(lab)[f"10.0.0.{n}"]["version"] for n in (4, 5, 6, 7)} == {"2.0.2"}


def test_killed_and_resumed(pam: BareRoot, lab: dict[str, Any]) -> None:
    """推到一半 kill -9，再 resume，做完，每个效果只有一次。"""
    make_package(pam, "2.0.3")
    process = pam.start(*rollout("2.0.3", "10.0.0.8-10.0.0.15", "--yes", run_id="killed"))
    deadline = time.monotonic() + patience(SECONDS)
    while truth(lab)["10.0.0.9"]["version"] != "2.0.3":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert pam("resume", "killed", "--home", "/data").code == 0
    assert {truth(lab)[f"10.0.0.{n}"]["version"] for n in range(8, 16)} == {"2.0.3"}


def test_mcp_node_and_doctor(pam: BareRoot, lab: dict[str, Any]) -> None:
    """单独的 ``mcp-node`` 起得来；``doctor`` 逐项正常。"""
    node = pam.helper("mcp-node", "--node-url", lab["node_urls"]["PEK"])
    try:
        done = pam.within(PAM_MCP_URL=node.info["mcp_url"])("doctor", "--home", "/data")
    finally:
        node.stop()
    assert done.code == 0, done
    assert "工具合用" in done.out
    assert "不行" not in done.out


@pytest.mark.parametrize("before", ["", "/usr/local/lib"])
def test_scripts_get_the_library_path_back(pam: BareRoot, before: str) -> None:
    """bash 与 curl 看到的动态库路径是用户原来的，不是包里的。"""
    spy = pam.path / "opt" / "spy.sh"
    entry = f"/opt/{BUNDLE}/doc_scripts/pam_action.sh"
    spy.write_text(f'#!/bin/bash\nprintf %s "${{LD_LIBRARY_PATH-}}" >/data/seen\nexec {entry} "$@"\n', encoding="utf-8")
    spy.chmod(0o755)
    env = {"PAM_SCRIPT_ENTRY": "/opt/spy.sh"} | ({"LD_LIBRARY_PATH": before} if before else {})
    done = pam.within(**env)("doctor", "--home", "/data")
    assert done.code == 0, done
    assert (pam.path / "data" / "seen").read_text(encoding="utf-8") == before


def test_chat_with_its_own_lab(root: BareRoot) -> None:
    """在终端里对话：听懂、给计划、批准、做完、离开；它开的试验场随它停下。"""
    with root.chat("--lab", "--home", "/data/chat") as chat:
        chat.expect("> ")
        chat.say("把 PEK 的 checkin 应用 gate 模块升级到 1.2.3，只要 10.0.0.1")
        chat.expect("PAM 部署计划")
        chat.expect("> ")
        chat.say("同意")
        chat.expect("PAM 智能部署报告")
        chat.expect("> ")
        chat.say("退出")
        assert chat.end() == 0, chat.shown
    assert not running(), running()


def running() -> list[str]:
    """还在运行的、由整包启动的演示或对话用的进程；共用的试验场（16 台）与它的 MCP 服务除外。"""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if BUNDLE in words[0] and "16" not in words and "mcp-node" not in words:
            found.append(json.dumps(words))
    return found
