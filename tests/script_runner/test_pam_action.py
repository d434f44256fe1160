"""参考脚本 pam_action.sh：发出的请求、各种应答与网络故障、令牌去向；对面是裸 HTTP 服务。"""

import json
import os
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pam_deploy_graph.config_writer import write_config
from pam_deploy_graph.constants import ACTIONS, Side
from pam_deploy_graph.script_runner import ScriptActionRunner
from tests.patience import patience
from tests.script_runner.conftest import ENTRY, PARAMS, TOKEN, MakeState
from tests.script_runner.wire import Answer, WirePam, closed_port, full_backlog, hang, reply, reset

HASH = "ab" * 32
MODULE = {"app": "checkin", "module": "gate"}
VERSION = MODULE | {"version": "1.3.0"}
QUERY = "?app=checkin&module=gate"
PUBLISHED = VERSION | {"hash": HASH, "airport": "PEK"}
AT = "/api/workstations/10.0.0.1"
IP = ["--ip", "10.0.0.1"]
WITH_HASH = ["--hash-code", HASH]
ONLINE = "IP=10.0.0.1\nIP=10.0.0.2\nAIRPORT_CODE=PEK\n"
PACKAGE = "/api/packages/checkin/gate/1.3.0"
ENV = {"PATH": os.defpath, "PAM_TOKEN": TOKEN, "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}


def script(*arguments: str, env: dict[str, str] = ENV, cwd: Path | None = None) -> tuple[int, list[str]]:
    """直接运行参考脚本，返回退出码与标准输出的各行；环境里故意放着走不通的代理。"""
    done = subprocess.run(
        ["/bin/bash", str(ENTRY), *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(20),
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def config(tmp_path: Path, pam: WirePam) -> Path:
    """HOME 与 NODE 都指向裸服务的配置文件。"""
    urls = {"PAM_HOME_URL": pam.url + "/", "NODE_URL": pam.url, "LOG_DIR": str(tmp_path / "logs" / "r1")}
    return write_config(PARAMS | {"RUN_ID": "r1"} | urls, tmp_path / "config.txt")


def change(config: Path, **params: str) -> None:
    """改配置文件里的几个键；空串等于没有。"""
    with config.open("a", encoding="utf-8") as file:
        file.writelines(f"{key}={value}\n" for key, value in params.items())


REQUESTS: list[tuple[str, list[str], str, str, dict[str, Any] | None, str]] = [
    ("check-home", [], "GET", "/api/health", None, "HOME_VERSION=1\n"),
    ("upload-package", [], "GET", PACKAGE, None, f"HASH_CODE={HASH}\n"),
    ("publish-version", WITH_HASH, "POST", "/api/versions", PUBLISHED, "PUBLISH_ID=7\n"),
    ("get-node-url", [], "GET", "/api/nodes/PEK", None, "NODE_URL=http://n\nMCP_URL=http://m\n"),
    ("sync-node", WITH_HASH, "POST", "/api/sync", VERSION | {"hash": HASH}, f"HASH_CODE={HASH}\n"),
    ("get-online-ips", [], "GET", "/api/workstations?online=true", None, ONLINE),
    *(
        (name, IP, "POST", f"{AT}/{name.removesuffix('-ip')}", VERSION, "MESSAGE=a=b\n")
        for name, spec in ACTIONS.items()
        if spec.side is Side.NODE and not spec.own_route
    ),
    ("deploy-ip", ["--ip", "fe80::a"], "POST", "/api/workstations/fe80%3A%3Aa/deploy", VERSION, "MESSAGE=ok\n"),
    ("rollback-ip", IP, "POST", AT + "/rollback", MODULE | {"stop_first": False}, "SUCCESS=true\n"),
    ("rollback-ip", [*IP, "--stop-first"], "POST", AT + "/rollback", MODULE | {"stop_first": True}, "SUCCESS=true\n"),
    (
        "rollback-ip",
        [*IP, "--to-version", "1.2.2"],
        "POST",
        AT + "/rollback",
        MODULE | {"stop_first": False, "to_version": "1.2.2"},
        "SUCCESS=true\n",
    ),
    ("query-ip", IP, "GET", AT + QUERY, None, "ONLINE=true\nLAST_KEY=\n"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "options", "method", "path", "body", "answer"), REQUESTS)
def test_each_action_is_one_request(
    action: str, options: list[str], method: str, path: str, body: Any, answer: str, pam: WirePam, config: Path
) -> None:
    """每个动作发出协议规定的那一个请求，应答的键值照抄。"""
    pam.on(method, path, reply(200, answer))
    assert script(action, "--config", str(config), *options, "--idempotency-key", "r1:-:x:1") == (
        0,
        answer.splitlines(),
    )
    (request,) = pam.requests
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept"] == "text/plain"
    assert request.headers.get("idempotency-key") == (None if method == "GET" else "r1:-:x:1")
    assert (json.loads(request.body) if request.body else None) == body
    assert method == "GET" or request.headers["content-type"] == "application/json"


def test_every_action_has_its_request_here() -> None:
    """上面的表加上取日志，就是整个动作表。"""
    assert {row[0] for row in REQUESTS} | {"download-log"} == set(ACTIONS)


def test_without_a_key_every_call_is_its_own_attempt(pam: WirePam, config: Path) -> None:
    """手工调用没有给幂等键时，每次各用一个新的，仍带运行名与动作。"""
    pam.on("POST", "/api/workstations/10.0.0.1/stop", reply(200, "MESSAGE=ok\n"))
    for _ in range(2):
        assert script("stop-ip", "--config", str(config), "--ip", "10.0.0.1")[0] == 0
    keys = [request.headers["idempotency-key"] for request in pam.requests]
    assert len(set(keys)) == 2
    assert all(key.startswith("r1:10.0.0.1:stop-ip:manual-") for key in keys)


@pytest.mark.parametrize("name", ["pkg.bin", "中 文{1,2}[x].bin", "-"])
def test_a_package_is_streamed_from_its_file(name: str, pam: WirePam, config: Path, tmp_path: Path) -> None:
    """给了 PACKAGE_PATH 就上传文件的原样字节，文件名里的怪字符不起作用。"""
    content = os.urandom(300_000)
    (tmp_path / name).write_bytes(content)
    change(config, PACKAGE_PATH=name)
    pam.on("PUT", PACKAGE, reply(201, f"HASH_CODE={HASH}\n"))
    assert script("upload-package", "--config", str(config), cwd=tmp_path) == (0, [f"HASH_CODE={HASH}"])
    assert pam.requests[0].body == content


def test_odd_names_are_percent_encoded(pam: WirePam, config: Path) -> None:
    """名字里的加号、中文按 UTF-8 字节编码，两处写法一致。"""
    change(config, VERSION_NUMBER="1.3.0+b 5", APP_NAME="值机")
    path = "/api/packages/%E5%80%BC%E6%9C%BA/gate/1.3.0%2Bb%205"
    pam.on("GET", path, reply(200, f"HASH_CODE={HASH}\n"))
    assert script("upload-package", "--config", str(config))[0] == 0


def test_the_node_is_asked_for_when_the_config_has_none(pam: WirePam, config: Path) -> None:
    """配置没有 NODE_URL 时先问 HOME，再去节点。"""
    change(config, NODE_URL="")
    pam.on("GET", "/api/nodes/PEK", reply(200, f"NODE_URL={pam.url}/node/\n"))
    pam.on("POST", "/node/api/workstations/10.0.0.1/stop", reply(200, "MESSAGE=ok\n"))
    assert script("stop-ip", "--config", str(config), "--ip", "10.0.0.1") == (0, ["MESSAGE=ok"])
    assert [request.method for request in pam.requests] == ["GET", "POST"]


@pytest.mark.parametrize("ip", ["10.0.0.1", "fe80::a"])
def test_a_log_is_saved_privately(ip: str, pam: WirePam, config: Path, tmp_path: Path) -> None:
    """日志原样（含二进制）存到运行的日志目录，目录 0700、文件 0600。"""
    content = b"line\n\0\xff\x1b[2J" * 20_000
    pam.on("GET", f"/api/workstations/{ip.replace(':', '%3A')}/log{QUERY}", reply(200, content))
    saved = tmp_path / "logs" / "r1" / f"{ip.replace(':', '_')}.log"
    assert script("download-log", "--config", str(config), "--ip", ip) == (0, [f"LOG_FILE={saved}"])
    assert saved.read_bytes() == content
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (saved, saved.parent, saved.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_an_empty_log_is_still_a_file(pam: WirePam, config: Path) -> None:
    """空日志也有文件。"""
    pam.on("GET", f"/api/workstations/10.0.0.1/log{QUERY}", reply(200, ""))
    code, (line,) = script("download-log", "--config", str(config), "--ip", "10.0.0.1")
    assert (code, Path(line.removeprefix("LOG_FILE=")).read_bytes()) == (0, b"")


def test_an_error_is_not_kept_as_a_log(pam: WirePam, config: Path, tmp_path: Path) -> None:
    """取日志被拒绝时，错误说明进 ERROR，不冒充日志。"""
    pam.on("GET", f"/api/workstations/10.0.0.1/log{QUERY}", reply(404, "ERROR=没有日志\n"))
    code, lines = script("download-log", "--config", str(config), "--ip", "10.0.0.1")
    assert (code, lines[-1]) == (6, "ERROR=PAM_NODE 回答 HTTP 404：没有日志")
    assert (tmp_path / "logs" / "r1" / "10.0.0.1.log").read_bytes() == b""


@pytest.mark.parametrize(
    ("answer", "code", "lines"),
    [
        (reply(401, "ERROR=令牌无效\n"), 4, ["ERROR=PAM_NODE 回答 HTTP 401：令牌无效"]),
        (reply(403, "<html>proxy</html>"), 8, ["ERROR=PAM_NODE 回答 HTTP 403：<html>proxy</html>"]),
        (reply(409, "ERROR=版本冲突\r\n"), 6, ["ERROR=PAM_NODE 回答 HTTP 409：版本冲突"]),
        (reply(404, "<html>proxy</html>"), 8, ["ERROR=PAM_NODE 回答 HTTP 404：<html>proxy</html>"]),
        (reply(422, "ERROR=键用过了\n"), 8, ["ERROR=PAM_NODE 回答 HTTP 422：键用过了"]),
        (reply(302, "", "Location: /elsewhere"), 8, ["ERROR=PAM_NODE 回答 HTTP 302"]),
        (reply(500, "ERROR=坏了\n"), 8, ["ERROR=PAM_NODE 回答 HTTP 500：坏了"]),
        (reply(429, "ERROR=忙\n", "Retry-After: 7"), 5, ["RETRY_AFTER=7", "ERROR=PAM_NODE 回答 HTTP 429：忙"]),
        (reply(503, "", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"), 5, ["ERROR=PAM_NODE 回答 HTTP 503"]),
        (reply(502, "ERROR=网关\n"), 8, ["ERROR=PAM_NODE 回答 HTTP 502：网关"]),
        (reply(400, f"ERROR=bad {TOKEN} \x1b[2J\n"), 6, ["ERROR=PAM_NODE 回答 HTTP 400：bad *** [2J"]),
        (reply(200, ""), 8, ["ERROR=PAM_NODE 的应答是空的，或者读不懂"]),
        (reply(200, "<html>登录</html>"), 8, ["ERROR=PAM_NODE 的应答是空的，或者读不懂"]),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 8, ["ERROR=PAM_NODE 的应答是空的，或者读不懂"]),
        (b"", 8, ["ERROR=与 PAM_NODE 的连接中断，没有收到应答（curl 52）"]),
        (reset, 8, ["ERROR=与 PAM_NODE 的连接中断，没有收到应答（curl 56）"]),
        (reply(200, "MESSAGE=o", length=99), 8, ["ERROR=PAM_NODE 的应答不完整"]),
        (b"garbage\r\n\r\n", 8, ["ERROR=与 PAM_NODE 的传输失败（curl 1）"]),
    ],
)  # fmt: skip
def test_answers_and_faults_become_exit_codes(
    answer: Answer, code: int, lines: list[str], pam: WirePam, config: Path
) -> None:
    """每种应答与网络故障各有退出码，最后一行是原因，令牌即使被回显也不外泄。"""
    pam.on("POST", "/api/workstations/10.0.0.1/deploy", answer)
    got, output = script("deploy-ip", "--config", str(config), "--ip", "10.0.0.1")
    assert (got, [line for line in output if line.startswith(("ERROR=PAM", "ERROR=与", "RETRY"))]) == (
        code,
        lines,
    )
    assert output[-1] == lines[-1]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("closed", "连接不上 PAM_NODE（{}）"),  # 端口到用例里才取：名字每次不同，pytest-xdist 不收
        (f"http://{'x' * 63}.invalid", "解析不了 PAM_NODE（{}）的主机名"),
    ],
    ids=["closed", "unknown"],  # 端口每个进程不同，不能进用例名
)
def test_what_was_never_sent_says_so(url: str, reason: str, config: Path) -> None:
    """连接不上、解析不了时肯定没有送达；说出是哪个地址。"""
    url = closed_port() if url == "closed" else url
    change(config, NODE_URL=url)
    told = f"ERROR={reason.format(url)}"
    assert script("deploy-ip", "--config", str(config), "--ip", "10.0.0.1") == (5, [told])


def test_a_connection_that_hangs_was_never_sent(config: Path) -> None:
    """连接请求没有回音（对方丢弃 SYN）：时限内结束，肯定没有送达。"""
    with full_backlog() as url:
        change(config, NODE_URL=url, REQUEST_TIMEOUT="0.5")
        output = script("deploy-ip", "--config", str(config), "--ip", "10.0.0.1")
    assert output == (5, [f"ERROR=连接 PAM_NODE（{url}）超时，请求没有送出"])


def test_a_slow_answer_times_out(pam: WirePam, config: Path) -> None:
    """收下请求却不答复：按 REQUEST_TIMEOUT 超时，可能已经送达；verify-ip 按 VERIFY_TIMEOUT。"""
    change(config, REQUEST_TIMEOUT="0.3", VERIFY_TIMEOUT="0.6")
    for action, least in (("deploy", 0.3), ("verify", 0.6)):
        pam.on("POST", f"/api/workstations/10.0.0.1/{action}", hang)
        start = time.monotonic()
        output = script(f"{action}-ip", "--config", str(config), "--ip", "10.0.0.1")
        assert output == (7, ["ERROR=PAM_NODE 没有在时限内答复"])
        assert least <= time.monotonic() - start < patience(least + 2)


def test_a_dripping_answer_times_out(pam: WirePam, config: Path) -> None:
    """一个字节一个字节地答，也按总时限结束。"""

    def drip(connection: Any) -> None:
        """每 50 毫秒送一个字节。"""
        for byte in reply(200, "MESSAGE=" + "x" * 200):
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    change(config, REQUEST_TIMEOUT="0.4")
    pam.on("POST", "/api/workstations/10.0.0.1/deploy", drip)
    assert script("deploy-ip", "--config", str(config), "--ip", "10.0.0.1")[0] == 7


def test_a_lookup_that_fails_means_nothing_was_sent(pam: WirePam, config: Path) -> None:
    """问节点地址时超时、中断或答得不对，动作本身肯定没有送出。"""
    change(config, NODE_URL="", REQUEST_TIMEOUT="0.3")
    for answer in (hang, b"", reply(200, ""), reply(200, "AIRPORT_CODE=PEK\n"), reply(500)):
        pam.on("GET", "/api/nodes/PEK", answer)
        code, lines = script("deploy-ip", "--config", str(config), "--ip", "10.0.0.1")
        assert (code, lines[-1].startswith("ERROR=查询节点地址时，")) == (5, True), lines


@pytest.mark.parametrize(
    ("action", "options", "answer", "reason"),
    [
        ("sync-node", ["--hash-code", HASH], f"HASH_CODE={'cd' * 32}\n", "散列"),
        ("get-online-ips", [], "IP=10.0.0.1\nAIRPORT_CODE=SHA\n", "不属于机场 PEK"),
    ],
)
def test_a_contradicting_answer_is_a_failure(
    action: str, options: list[str], answer: str, reason: str, pam: WirePam, config: Path
) -> None:
    """散列对不上、节点属于别的机场，都算被拒绝。"""
    method, path = next((row[2], row[3]) for row in REQUESTS if row[0] == action)
    pam.on(method, path, reply(200, answer))
    code, lines = script(action, "--config", str(config), *options)
    assert code == 6
    assert reason in lines[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly-ip"],
        ["stop_ip"],
        ["stop-ip", "--ip"],
        ["stop-ip", "--force", "yes"],
        ["stop-ip", "--ip", "10.0.0.1; id"],
        ["stop-ip", "--ip", "../x"],
        ["stop-ip"],
        ["publish-version"],
        ["sync-node"],
        ["sync-node", "--hash-code", 'a"b'],
        ["check-home", "--idempotency-key", "a\nb: c"],
    ],
)
def test_wrong_use_is_exit_2(arguments: list[str], pam: WirePam, config: Path) -> None:
    """用法不对退出 2，没有发出任何请求。"""
    extra = ["--config", str(config)] if arguments and arguments[-1] != "--ip" else []
    code, lines = script(*arguments, *extra)
    assert (code, lines[-1][:6], pam.requests) == (2, "ERROR=", [])


@pytest.mark.parametrize(
    ("line", "action", "reason"),
    [
        ("APP_NAME=", "stop-ip", "缺少 APP_NAME"),
        ('APP_NAME=a"b', "stop-ip", "APP_NAME 的值"),
        ("MODULE_NAME=a\\b", "stop-ip", "MODULE_NAME 的值"),
        ("VERSION_NUMBER=..", "stop-ip", "VERSION_NUMBER 的值"),
        ("VERSION_NUMBER=a/b", "upload-package", "VERSION_NUMBER 的值"),
        ("AIRPORT_CODE=", "get-node-url", "缺少 AIRPORT_CODE"),
        ("REQUEST_TIMEOUT=0", "check-home", "REQUEST_TIMEOUT 的值"),
        ("REQUEST_TIMEOUT=-1", "check-home", "REQUEST_TIMEOUT 的值"),
        ("REQUEST_TIMEOUT=5;id", "check-home", "REQUEST_TIMEOUT 的值"),
        ("PAM_HOME_URL=", "check-home", "PAM_HOME_URL 的值"),
        ("PAM_HOME_URL=ftp://h", "check-home", "PAM_HOME_URL 的值"),
        ("PAM_HOME_URL=http://u:p@h", "check-home", "PAM_HOME_URL 的值"),
        ("NODE_URL=http://a b", "stop-ip", "NODE_URL 的值"),
        ("PACKAGE_PATH=/nowhere/p.zip", "upload-package", "/nowhere/p.zip"),
        ("PAM_TOKEN=x", "check-home", "PAM_TOKEN"),
        ("not a pair", "check-home", "不是 KEY=VALUE"),
        ("lower=1", "check-home", "不是 KEY=VALUE"),
        ("APP_NAME=a\tb", "check-home", "APP_NAME 的值含有控制字符"),
    ],
)
def test_a_bad_configuration_is_exit_3(line: str, action: str, reason: str, pam: WirePam, config: Path) -> None:
    """配置不对退出 3，指出是哪个键，没有发出任何请求，值里的代码不会执行。"""
    with config.open("a", encoding="utf-8") as file:
        file.write(line)
    code, lines = script(action, "--config", str(config), "--ip", "10.0.0.1")
    assert (code, pam.requests) == (3, [])
    assert reason in lines[-1]


def test_a_configuration_saved_on_windows(pam: WirePam, config: Path) -> None:
    """Windows 的编辑器存过的配置（BOM、回车换行、末行没有换行）照样读得懂。"""
    config.write_bytes(b"\xef\xbb\xbf# \xe6\xb3\xa8\r\n\r\n" + config.read_bytes().strip().replace(b"\n", b"\r\n"))
    pam.on("POST", f"{AT}/stop", reply(200, "MESSAGE=ok\n"))
    assert script("stop-ip", "--config", str(config), "--ip", "10.0.0.1") == (0, ["MESSAGE=ok"])
    assert json.loads(pam.requests[0].body) == VERSION


def test_a_missing_configuration_is_exit_3(tmp_path: Path) -> None:
    """配置文件不存在退出 3，报出路径。"""
    code, lines = script("check-home", "--config", str(tmp_path / "gone.txt"))
    assert code == 3
    assert "gone.txt" in lines[-1]


def test_a_version_nobody_holds_is_exit_3(pam: WirePam, config: Path) -> None:
    """HOME 没有这个版本，也没给安装包：退出 3，说清缺什么。"""
    pam.on("GET", PACKAGE, reply(404, "ERROR=not found\n"))
    code, lines = script("upload-package", "--config", str(config))
    assert code == 3
    assert "checkin/gate/1.3.0" in lines[-1]
    assert "PACKAGE_PATH" in lines[-1]


@pytest.mark.parametrize("token", ["", "a b", 'a"b', "a\\b", "a\nheader: x", "令牌"])
def test_an_unusable_token_is_exit_4(token: str, pam: WirePam, config: Path) -> None:
    """没有令牌或令牌放不进请求头：退出 4，没有发出任何请求。"""
    code, lines = script("check-home", "--config", str(config), env={"PATH": os.defpath, "PAM_TOKEN": token})
    assert (code, lines[-1][:6], pam.requests) == (4, "ERROR=", [])


def test_without_curl_it_says_so(config: Path, tmp_path: Path) -> None:
    """找不到 curl 时退出 3 并说明。"""
    code, lines = script("check-home", "--config", str(config), env={"PATH": str(tmp_path), "PAM_TOKEN": TOKEN})
    assert (code, lines) == (3, ["ERROR=找不到 curl，请先安装"])


def test_without_dev_fd_it_says_so(config: Path) -> None:
    """没有 /dev/fd（没有挂 /proc 的容器）时退出 3 并说明，不是一句 bash 的报错。"""
    bare = 'mount -t tmpfs none /dev 2>/dev/null || exit 77; : >/dev/null; exec "$@"'
    unshare = ["unshare", "--mount", "--map-root-user", "bash", "-c", bare, "bash"]
    argv = [*unshare, "bash", str(ENTRY), "check-home", "--config", config.name]  # 目录也许就在 /dev 底下，所以先进去
    env = {"PATH": os.environ["PATH"], "PAM_TOKEN": TOKEN}
    done = subprocess.run(argv, env=env, cwd=config.parent, capture_output=True, text=True, check=False)
    if done.returncode in (1, 77):
        pytest.skip("这里不许换挂载点")
    assert (done.returncode, "/dev/fd" in done.stdout) == (3, True), done


@pytest.mark.parametrize(("scheme", "expected"), [("https", ""), ("http", "/dev/null")])
def test_only_plain_http_skips_the_tls_settings(scheme: str, expected: str, config: Path, tmp_path: Path) -> None:
    """明文时 curl 不读 OpenSSL 的配置；用 TLS 时照机器上的规矩来。"""
    change(config, PAM_HOME_URL=f"{scheme}://home")
    stub = tmp_path / "bin" / "curl"
    stub.parent.mkdir()
    stub.write_text('#!/bin/bash\nprintf "CONF=%s\\n\\n200 0.000001 " "${OPENSSL_CONF-}"\n', encoding="utf-8")
    stub.chmod(0o755)
    env = {"PATH": str(stub.parent), "PAM_TOKEN": TOKEN}
    assert script("check-home", "--config", str(config), env=env) == (0, [f"CONF={expected}"])


def test_the_trace_tells_each_request_and_no_secret(pam: WirePam, config: Path, tmp_path: Path) -> None:
    """跟踪文件一行一个请求，0600，没有令牌；写不了也不妨碍动作。"""
    trace = tmp_path / "trace.log"
    pam.on("GET", "/api/health", reply(200, "HOME_VERSION=1\n"))
    change(config, RUN_ID="r1")
    for _ in range(2):
        script("check-home", "--config", str(config), "--trace-file", str(trace))
    script("stop-ip", "--config", str(config), "--ip", "10.0.0.1", "--trace-file", str(trace))
    lines = [line.split(" ", 1)[1] for line in trace.read_text().splitlines()]
    health = f"check-home - GET {pam.url}/api/health status=200 curl=0"
    assert lines == [
        health,
        health,
        f"stop-ip 10.0.0.1 POST {pam.url}/api/workstations/10.0.0.1/stop status=404 curl=0",
    ]
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    assert script("check-home", "--config", str(config), "--trace-file", str(tmp_path))[0] == 0


@pytest.fixture(params=["here-string", "older-bash"])
def entry(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """参考脚本；另一份改成走 5.1 之前的 bash 的那条路。"""
    text = ENTRY.read_text(encoding="utf-8")
    version = "BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]"
    assert version in text
    copy = tmp_path / "entry" / "pam_action.sh"
    copy.parent.mkdir()
    copy.write_text(text if request.param == "here-string" else text.replace(version, "402"), encoding="utf-8")
    return copy


def test_the_token_is_in_no_process_argument(entry: Path, pam: WirePam, make_state: MakeState, tmp_path: Path) -> None:
    """运行途中，任何进程的参数里都没有令牌，curl 从管道读到它；结束后任何文件里也没有。"""
    waiting, seen = threading.Event(), threading.Event()

    def answer_later(connection: Any) -> None:
        """收到请求后等测试看完进程表再答。"""
        waiting.set()
        seen.wait(patience(5))
        connection.sendall(reply(200, f"MESSAGE=echo {TOKEN}\n"))

    pam.on("POST", "/api/workstations/10.0.0.1/deploy", answer_later)
    state = make_state(PAM_HOME_URL=pam.url)
    pam.on("GET", "/api/nodes/PEK", reply(200, f"NODE_URL={pam.url}\n"))
    runner = ScriptActionRunner(entry.parent, token=TOKEN, script_entry="")
    results: list[Any] = []
    calling = threading.Thread(target=lambda: results.append(runner.run_action(state, "deploy-ip", ip="10.0.0.1")))
    calling.start()
    assert waiting.wait(patience(5))
    processes = [(one.info["cmdline"] or [], one.pid) for one in psutil.process_iter(["cmdline"])]
    (curl,) = [pid for line, pid in processes if f"{pam.url}/api/workstations/10.0.0.1/deploy" in line]
    standard_input = Path(f"/proc/{curl}/fd/0").readlink()
    seen.set()
    calling.join(patience(5))
    assert str(standard_input).startswith("pipe:")
    assert not any(TOKEN in argument for line, _ in processes for argument in line)
    assert results[0].values == {"MESSAGE": "echo ***"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all(TOKEN.encode() not in path.read_bytes() for path in files)


def test_no_workstation_is_online(pam: WirePam, make_state: MakeState) -> None:
    """一台在线的都没有：说得出来，不是应答不全。"""
    pam.on("GET", "/api/nodes/PEK", reply(200, f"NODE_URL={pam.url}\n"))
    pam.on("GET", "/api/workstations?online=true", reply(200, "AIRPORT_CODE=PEK\n"))
    runner = ScriptActionRunner(ENTRY.parent, token=TOKEN, script_entry="")
    result = runner.run_action(make_state(PAM_HOME_URL=pam.url), "get-online-ips")
    assert (result.ok, result.values["IP"]) == (True, []), result.error_summary


def test_ten_thousand_workstations_come_back_whole(pam: WirePam, make_state: MakeState) -> None:
    """上万台工作站的在线列表完整无缺，也不慢。"""
    ips = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(10_000)]
    answer = "".join(f"IP={ip}\n" for ip in ips) + "AIRPORT_CODE=PEK\n"
    pam.on("GET", "/api/nodes/PEK", reply(200, f"NODE_URL={pam.url}\n"))
    pam.on("GET", "/api/workstations?online=true", reply(200, answer))
    runner = ScriptActionRunner(ENTRY.parent, token=TOKEN, script_entry="")
    start = time.monotonic()
    result = runner.run_action(make_state(PAM_HOME_URL=pam.url), "get-online-ips")
    assert result.values["IP"] == ips
    assert time.monotonic() - start < patience(2)


def test_a_short_token_does_not_spoil_the_answer(pam: WirePam, config: Path) -> None:
    """令牌是 ``t`` 时不从输出里抹它：此前 ``true`` 成了 ``***rue``。"""
    pam.on("POST", "/api/workstations/10.0.0.1/stop", reply(200, "MESSAGE=true\n"))
    env = ENV | {"PAM_TOKEN": "t"}
    assert script("stop-ip", "--config", str(config), "--ip", "10.0.0.1", env=env) == (0, ["MESSAGE=true"])
