"""金丝雀：外面把令牌、密钥、口令原样带回来，哪个文件、输出、消息里都没有一个字节（contract 第 2 节）。"""

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import SecretStr

from pam_deploy_graph.flows.telemetry import span_maker
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.file_digest import file_digest
from tests.cli.site import Site
from tests.graph.desk import IPS, Desk
from tests.llm.scripted_model import Scene, serve
from tests.llm.test_openai_client import answer

KEY = "canary-key-6b1f09d2"
ENTRY = """#!/bin/bash
action=$1 ip= key= config=
while (($#)); do case $1 in --ip) ip=$2 ;; --idempotency-key) key=$2 ;; --config) config=$2 ;; esac; shift; done
while IFS='=' read -r name value; do [[ $name != LOG_DIR ]] || logs=$value; done <"$config"
echo "HOME_VERSION=$PAM_TOKEN"; echo "PUBLISH_ID=$PAM_TOKEN"; echo "MESSAGE=told $PAM_TOKEN"
echo "HASH_CODE=%HASH%"; echo NODE_URL=http://127.0.0.1:1; echo "IP=%IP%"; echo AIRPORT_CODE=PEK
echo "token $PAM_TOKEN" >&2
case $action in
    verify-ip) echo SUCCESS=false; echo VERSION=1.2.2 ;;
    query-ip) echo ONLINE=true; echo RUNNING=true; echo VERSION=1.2.2; echo "LAST_KEY=$key" ;;
    rollback-ip) echo "ERROR=refused by $PAM_TOKEN"; exit 6 ;;
    download-log)
        mkdir -p "$logs"; printf 'head\\nAuthorization: Bearer %s\\n' "$PAM_TOKEN" >"$logs/$ip.log"
        echo "LOG_FILE=$logs/$ip.log" ;;
esac
"""


@pytest.fixture(params=["PAM_TOKEN", "PAM_TOKEN_FILE"])
def told_site(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """令牌在环境变量里，或在一个文件里。"""
    if request.param == "PAM_TOKEN_FILE":
        file = tmp_path / "token"
        file.write_text(f"{site.pam.env.pop('PAM_TOKEN')}\n", encoding="utf-8")
        file.chmod(0o600)
        site.pam.env["PAM_TOKEN_FILE"] = str(file)
    return site


def test_a_workstation_that_repeats_the_token(told_site: Site, tmp_path: Path) -> None:
    """脚本、日志、标准错误里到处是令牌：失败、回滚失败、报告，文件与输出里都没有。"""
    site = told_site
    ip, token = site.take(1)[0], site.lab.token
    entry = tmp_path / "entry.sh"
    entry.write_text(ENTRY.replace("%IP%", ip).replace("%HASH%", file_digest(site.package)))
    entry.chmod(0o755)
    site.pam.env |= {"PAM_SCRIPT_ENTRY": str(entry), "PAM_LOG_JSON": "true"}
    done = [site.run("--yes", "--json"), site.confirm("approve"), site.resume()]
    done += [site.pam("report", site.run_id, "--format", kind) for kind in ("md", "json", "html")]
    done += [site.pam("status", site.run_id), site.pam("doctor")]
    assert [one.code for one in done][:2] == [10, 0], done
    assert [one for one in done if token in one.out + one.err] == []
    assert [path for path in site.pam.files() if token.encode() in path.read_bytes()] == []
    log = next(path for path in site.pam.files() if path.name == f"{ip}.log")
    assert "Bearer ***" in log.read_text()
    assert '"event": "ACTION_FAIL"' in done[0].err
    assert {"pam.db", "checkpoints.sqlite"} <= {path.name for path in site.pam.files()}


class Tracer:
    """记下每个跨度的名字、属性与状态；只有跨度用到的那几个方法。"""

    def __init__(self) -> None:
        """还没有跨度。"""
        self.told: list[str] = []

    @contextmanager
    def start_as_current_span(self, name: str, **options: Any) -> Iterator["Tracer"]:
        """开一个跨度。"""
        self.told.append(f"{name} {options}")
        yield self

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        """补上属性。"""
        self.told.append(str(attributes))

    def set_status(self, *status: Any) -> None:
        """标成错误。"""
        self.told.append(str(status))


def test_the_spans_hold_no_token(tmp_path: Path) -> None:
    """开着跨度，后端到处带回令牌：失败、回滚失败的跨度都有，里面没有令牌。"""
    tracer = Tracer()
    services = Services(home=tmp_path, settings=Settings(pam_token=SecretStr(KEY)))
    vars(services)["span"] = span_maker(tracer)
    desk = Desk(tmp_path, InMemorySaver(), services=services)
    services.given_router = desk.fake
    desk.fake.fail("verify-ip", IPS[0], error=f"refused {KEY}")
    desk.fake.fail("rollback-ip", IPS[0], error=f"refused {KEY}")
    desk.begin()
    desk.answer("approve")
    desk.answer("approve")
    assert {"pam.run", "pam.wave", "pam.action"} <= {each.partition(" ")[0] for each in tracer.told}
    assert any("rollback-ip" in each for each in tracer.told)
    assert [each for each in tracer.told if KEY in each] == []


SHIM = """#!/bin/bash
{ tr '\\0' '\\n' </proc/$$/environ; printf '%s\\n' "$0" "$@"; } >>%SEEN%
exec %REAL% "$@"
"""


def test_children_that_need_no_secret_are_given_none(site: Site, tmp_path: Path) -> None:
    """curl 与 ssh-keygen 的环境与参数里没有令牌、密钥、数据库的口令，签名、推出、报告的文件与输出里也没有。"""
    site.take(1)
    tools, seen = tmp_path / "tools", tmp_path / "seen"
    tools.mkdir()
    for name in ("curl", "ssh-keygen"):
        shim = tools / name
        real = shutil.which(name)
        assert real is not None
        shim.write_text(SHIM.replace("%SEEN%", str(seen)).replace("%REAL%", real).replace("\\\\", "\\"))
        shim.chmod(0o755)
    site.pam.env |= {"PATH": f"{tools}:{site.pam.env['PATH']}", "OPENAI_API_KEY": KEY, "PAM_LOG_JSON": "true"}
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, capture_output=True)
    public = Path(f"{key}.pub").read_text(encoding="utf-8").strip()
    people = tmp_path / "people.json"
    PeopleBook(people={"alice": Person(accounts=[current_operator()], ssh_keys=[public])}).save(people)
    site.pam.env["PAM_PEOPLE"] = str(people)
    done = [site.run(), site.confirm("approve", "--sign", key), site.resume("--json")]
    done += [site.pam("audit", "verify", site.run_id), site.pam("audit", "export", site.run_id)]
    assert [one.code for one in done] == [10, 0, 0, 0, 0], done
    told = seen.read_text(errors="replace")
    assert (f"{tools}/curl" in told, f"{tools}/ssh-keygen" in told) == (True, True)
    for secret in (site.lab.token, KEY):
        assert secret not in told
        assert [one for one in done if secret in one.out + one.err] == []
        assert [path for path in site.pam.files() if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "scene",
    [
        Scene(answer(notes=[f"密钥是 {KEY}"], app_name=KEY)),
        Scene(f"{KEY} 不是 JSON"),
        Scene({"error": KEY}, status=400),
    ],
)
def test_a_model_that_repeats_the_key(site: Site, scene: Scene) -> None:
    """模型把密钥写进回答、错误：输出里没有。"""
    with serve(scene, scene) as model:
        env = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": KEY, "PAM_LLM_MODEL": "m"}
        done = site.pam("analyze", "--json", f"把 PEK 的 {KEY} 升级到 1.2.3", env=env)
        sent = [str(request) for request in model.requests]
    assert (done.code, KEY in done.out + done.err, any(KEY in each for each in sent)) == (0, False, False)


BOMB = gzip.compress(b"0" * (64 << 20))


@pytest.mark.parametrize(
    "scene",
    [
        Scene(raw=b'{"a": "' + b"0" * (4 << 20) + b'"}'),
        Scene(raw=BOMB, headers={"Content-Encoding": "gzip"}),
        Scene(raw=b"{}", status=302, headers={"Location": "/v1/elsewhere"}),
    ],
    ids=["four-megabytes", "gzip-bomb", "redirect"],
)
def test_what_a_model_may_not_send(site: Site, scene: Scene) -> None:
    """太大的、压缩的、要去别处的：不收不去，由规则回答，说出原因。"""
    with serve(scene, scene) as model:
        env = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": KEY, "PAM_LLM_MODEL": "m"}
        done = site.pam("analyze", "--json", "把 PEK 的 checkin 应用 gate 模块升级到 1.2.3", env=env)
    assert (done.code, done.json()["intent"], "没有用上" in done.err) == (0, "deploy", True)
    assert len(model.requests) <= 4


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"PAM_MCP_URL": f"http://u:{KEY}@127.0.0.1:1/mcp"}, "PAM_MCP_URL"),
        ({"OPENAI_BASE_URL": f"http://127.0.0.1:1/v1?api_key={KEY}"}, "OPENAI_BASE_URL"),
        ({"PAM_HOME_URL": f"http://u:{KEY}@127.0.0.1:1"}, "PAM_HOME_URL"),
        ({"PAM_HOME_URL": f"http://127.0.0.1:1/?token={KEY}"}, "PAM_HOME_URL"),
    ],
)
def test_addresses_with_secrets_are_refused(site: Site, env: dict[str, str], named: str) -> None:
    """带口令或像秘密的查询的地址：每个入口都不收，消息里没有它。"""
    site.take(1)
    done = [site.run("--yes", env=env, PAM_HOME_URL="" if named == "PAM_HOME_URL" else site.lab.home_url)]
    done += [site.pam("doctor", env=env)]
    assert [one.code for one in done] == [2, 2]
    assert [one for one in done if KEY in one.out + one.err or named not in one.out + one.err] == []


def test_a_secret_among_the_inputs_is_refused(told_site: Site) -> None:
    """把令牌当作别的参数给了：不收，不回显，不落盘；备注里的、要分析的话里的遮掉。"""
    site = told_site
    site.take(1)
    done = site.run(APP_NAME=site.lab.token)
    assert (done.code, site.lab.token in done.out + done.err) == (2, False)
    assert site.run().code == 10
    noted = site.confirm("reject", "--note", f"因为 {site.lab.token}", "--operator", site.lab.token, "--json")
    heard = site.pam("analyze", "--json", f"把 PEK 的 {site.lab.token} 升级到 1.2.3")
    assert [(one.code, site.lab.token in one.out + one.err) for one in (noted, heard)] == [(0, False)] * 2
    assert [path for path in site.pam.files() if site.lab.token.encode() in path.read_bytes()] == []


def test_the_password_of_a_database(site: Site) -> None:
    """数据库的口令不在错误、体检里。"""
    env = {"PAM_STORE_URL": f"postgresql://pam:{KEY}@127.0.0.1:1/pam?connect_timeout=1"}
    done = [site.run(env=env), site.pam("doctor", env=env), site.pam("runs", env=env)]
    assert [one for one in done if KEY in one.out + one.err or one.code == 0] == []
