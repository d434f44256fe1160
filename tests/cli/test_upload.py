"""``upload``：安装包送到 HOME，以 HOME 算出的哈希为准；别的一份不换掉，说不清的应答不当真（contract 第 8 节）。"""

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pam_deploy_graph.runs.package_upload import Ending, upload_package
from pam_deploy_graph.settings import Settings
from tests.cli.program import Done
from tests.cli.site import Site
from tests.script_runner.wire import Answer, WirePam, hang, reply, reset, wire_pam

TOKEN = "canary-71"
WHERE = "/api/packages/checkin/gate/2.0"
GONE = reply(404, json.dumps({"error": "没有"}))


def _digest(path: Path) -> str:
    """一个文件的 SHA-256。"""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _upload(site: Site, *options: str, env: dict[str, str] | None = None, **params: str) -> Done:
    """送这个用例的安装包。"""
    pairs = [part for name, value in site.params(**params).items() for part in ("--param", f"{name}={value}")]
    return site.pam("upload", *pairs, *options, env=env)


def test_a_package_reaches_home_once(site: Site) -> None:
    """送到，说出哈希；再来一次不再送；之后不给安装包也部署得了。"""
    done = _upload(site, "--json", AIRPORT_CODE="")
    said = done.json()
    assert (done.code, said["ending"], said["hash"], said["home_hash"]) == (0, "uploaded", *[_digest(site.package)] * 2)
    assert _digest(site.package) in done.err
    again = _upload(site, "--json")
    assert (again.code, again.json()["ending"]) == (0, "already")
    assert sum(row["version"] == site.version for row in site.lab.journal()) == 1
    site.take(1)
    assert site.run("--yes", PACKAGE_PATH="").code == 0
    site.all_right()


def test_another_package_of_the_same_version_is_refused(site: Site) -> None:
    """同一个版本的另一份：两个哈希都说出来，HOME 的没有换掉，以 12 退出。"""
    assert _upload(site).code == 0
    first = _digest(site.package)
    site.package.write_bytes(b"something else")
    done = _upload(site, "--json")
    said = done.json()
    assert (done.code, said["ending"], said["home_hash"]) == (12, "other", first)
    assert (first in done.err, _digest(site.package) in done.err, "版本号" in done.err) == (True, True, True)
    assert _upload(site, "--json").json()["home_hash"] == first


@pytest.mark.parametrize(
    ("env", "params", "code", "named"),
    [
        ({"PAM_TOKEN": ""}, {}, 2, "PAM_TOKEN"),
        ({"PAM_TOKEN": "canary-71"}, {}, 12, "PAM_TOKEN"),
        ({}, {"PACKAGE_PATH": "/nonexistent.pkg"}, 2, "/nonexistent.pkg"),
        ({}, {"PACKAGE_PATH": "/dev/null"}, 2, "不是普通文件"),
        ({}, {"PACKAGE_PATH": "{folder}/empty.pkg"}, 2, "空的"),
        ({}, {"PACKAGE_PATH": ""}, 2, "PACKAGE_PATH"),
        ({}, {"VERSION_NUMBER": "../x"}, 2, "VERSION_NUMBER"),
        ({}, {"PAM_HOME_URL": "http://u:canary-71@127.0.0.1:1"}, 2, "PAM_HOME_URL"),
        ({}, {"PAM_HOME_URL": "http://169.254.169.254"}, 2, "PAM_HOME_URL"),
        ({}, {"PAM_HOME_URL": "http://127.0.0.1:1"}, 12, "连接不上"),
    ],
)
def test_what_is_said_when_it_cannot(
    site: Site, env: dict[str, str], params: dict[str, str], code: int, named: str
) -> None:
    """没有令牌、令牌不行、文件不行、地址不行、连不上：各有退出码，说出是哪一个；秘密不在输出里。"""
    folder = site.package.parent
    (folder / "empty.pkg").touch()
    done = _upload(site, env=env, **{name: value.replace("{folder}", str(folder)) for name, value in params.items()})
    assert (done.code, named in done.err, TOKEN in done.out + done.err) == (code, True, False), done.err


def test_the_token_does_not_go_where_a_planted_file_says(site: Site) -> None:
    """``--home`` 里备好的 .env 指了别处：环境里的令牌不去那里。"""
    with wire_pam() as thief:
        del site.pam.env["PAM_HOME_URL"]
        site.pam.home.mkdir()
        (site.pam.home / ".env").write_text(f"PAM_HOME_URL={thief.url}\n")
        done = _upload(site)
        assert (done.code, "PAM_TOKEN" in done.err, thief.requests) == (2, True, [])


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., tuple[Ending, str, WirePam]]:
    """对着一个编排好的 HOME 送一份安装包。"""

    def sent(get: Answer, put: Answer, **more: str) -> tuple[Ending, str, WirePam]:
        """返回结局、说的话与 HOME 收到的。"""
        package = tmp_path / "gate.pkg"
        package.write_bytes(b"release" * 1000)
        with wire_pam() as home:
            home.on("GET", WHERE, get)
            home.on("PUT", WHERE, put)
            params = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "2.0", "REQUEST_TIMEOUT": "2"}
            params |= {"PAM_HOME_URL": home.url, "PACKAGE_PATH": str(package), **more}
            found = upload_package(Settings(pam_token=TOKEN), params)
        return found.ending, found.text(), home

    return sent


def _held(digest: str) -> bytes:
    """HOME 说它手里是这一份。"""
    return reply(200, json.dumps({"hash": digest}))


OURS = hashlib.sha256(b"release" * 1000).hexdigest()


@pytest.mark.parametrize(
    ("put", "ending"),
    [
        (_held(OURS), Ending.UPLOADED),
        (_held(OURS.upper()), Ending.UPLOADED),
        (_held("f" * 64), Ending.OTHER),
        (reply(200, "{}"), Ending.FAILED),
        (reply(200, "<html>proxy</html>"), Ending.FAILED),
        (reply(302, "", "Location: http://127.0.0.1:1/"), Ending.FAILED),
        (reply(413, json.dumps({"error": f"太大，{TOKEN}"})), Ending.FAILED),
        (reply(503, "", "Retry-After: 1"), Ending.FAILED),
        (reply(500), Ending.FAILED),
        (reply(200, b"0" * (2 << 20)), Ending.FAILED),
        (reset, Ending.FAILED),
        (hang, Ending.FAILED),
    ],
    ids=["taken", "upper", "other", "no-hash", "page", "redirect", "refused", "busy", "500", "huge", "reset", "hang"],
)
def test_what_home_answers(send: Callable[..., tuple[Ending, str, WirePam]], put: Answer, ending: Ending) -> None:
    """只有说出同一个哈希的才是送到了；别的都说出为什么，不再发第二次。"""
    found, text, home = send(GONE, put)
    assert found is ending, text
    sent = [request for request in home.requests if request.method == "PUT"]
    assert [(one.body, one.headers["content-length"]) for one in sent] == [(b"release" * 1000, "7000")]
    assert sent[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_an_answer_that_was_lost_is_asked_about(tmp_path: Path) -> None:
    """收下了而应答断在路上：再问 HOME，手里就是这一份，算送到。"""
    package = tmp_path / "gate.pkg"
    package.write_bytes(b"release" * 1000)
    with wire_pam() as home:

        def taken(_connection: socket.socket) -> None:
            """收下，不答。"""
            home.on("GET", WHERE, _held(OURS))

        home.on("GET", WHERE, GONE)
        home.on("PUT", WHERE, taken)
        params = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "2.0", "PAM_HOME_URL": home.url}
        found = upload_package(Settings(pam_token=TOKEN), params | {"PACKAGE_PATH": str(package)})
    assert (found.ending, found.home_hash) == (Ending.UPLOADED, OURS)


def test_a_file_written_over_while_it_is_sent(send: Callable[..., tuple[Ending, str, WirePam]], tmp_path: Path) -> None:
    """算过哈希之后原地改写：没有送完，HOME 没有收全。"""

    def swapped(connection: socket.socket) -> None:
        """HOME 还没有答第一问，文件就变了。"""
        (tmp_path / "gate.pkg").write_bytes(b"another" * 1000)
        connection.sendall(GONE)

    ending, text, home = send(swapped, _held(OURS))
    assert (ending, "变了" in text, [one for one in home.requests if one.method == "PUT"]) == (Ending.FAILED, True, [])


def test_a_file_swapped_for_another_is_not_what_is_sent(
    send: Callable[..., tuple[Ending, str, WirePam]], tmp_path: Path
) -> None:
    """算过哈希之后路径换成了别的文件：送的还是算过的那些字节。"""

    def swapped(connection: socket.socket) -> None:
        """换掉路径。"""
        (tmp_path / "other").write_bytes(b"another" * 1000)
        (tmp_path / "other").replace(tmp_path / "gate.pkg")
        connection.sendall(GONE)

    ending, _, home = send(swapped, _held(OURS))
    assert (ending, home.requests[-1].body) == (Ending.UPLOADED, b"release" * 1000)
