"""输入的错误：退出码对，用中文点出是哪一项，什么也没做，没有写了一半的东西。"""

import sys
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.ledger import Ledger
from tests.cli.program import Done, Pam
from tests.cli.site import Site

USAGE = [
    (["--run-id", "../x"], {}, "../x"),
    (["--run-id", "a\nb"], {}, "run_id"),
    ([], {"APP_NAME": "checkin\ngate"}, "APP_NAME"),
    ([], {"VERSION_NUMBER": "1.0;rm -rf /"}, "VERSION_NUMBER"),
    ([], {"MODULE_NAME": "../gate"}, "MODULE_NAME"),
    ([], {"MODULE_NAME": "gаte"}, "MODULE_NAME"),
    ([], {"AIRPORT_CODE": ""}, "AIRPORT_CODE"),
    ([], {"APP_NAME": "", "VERSION_NUMBER": ""}, "缺少必填参数: APP_NAME, VERSION_NUMBER"),
    ([], {"NO_SUCH": "1"}, "NO_SUCH"),
    ([], {"PAM_TOKEN": "abc"}, "PAM_TOKEN"),
    ([], {"PACKAGE_PATH": "nosuch.pkg"}, "nosuch.pkg"),
    ([], {"PACKAGE_PATH": "/dev/zero"}, "不是普通文件"),
    ([], {"REQUEST_TIMEOUT": "-1"}, "REQUEST_TIMEOUT"),
    (["--targets", "10.0.0.999"], {}, "10.0.0.999"),
    (["--targets", "10.0.0.0/4"], {}, "10.0.0.0/4"),
    (["--strategy", "nosuch"], {}, "nosuch"),
    (["--canary", "-1"], {}, "canary"),
    (["--max-parallel", "abc"], {}, "max_parallel 的值 'abc'"),
    (["--hold", "1.5"], {}, "hold 的值 '1.5'"),
    (["--targets", ""], {}, "target_ips"),
    (["--exclude", ""], {}, "exclude_ips"),
    (["--max-failures", ""], {}, "max_failures"),
    (["--canary", ""], {}, "canary"),
    (["--strategy", ""], {}, "execution_strategy"),
    (["--run-id", ""], {}, "run_id"),
    (["--nosuch"], {}, "--nosuch"),
    (["extra"], {}, "多出来的 extra"),
    (["--param", "novalue"], {}, "novalue"),
    (["--params", "nosuch.json"], {}, "nosuch.json"),
    (["--params", "/dev/zero"], {}, "太大"),
    (["--params", "\x1b[2J\x9b2J"], {}, r"\x1b[2J\x9b2J"),
]
COMMANDS = [
    (["analyze"], "缺少 TEXT"),
    (["report", "x", "--format", "pdf"], "--format 的值 'pdf' 不合规则：应为 'md', 'json', 'html' 之一"),
    (["report", "x", "--format"], "--format 要带一个值"),
    (["runs", "--json=1"], "--json 不带值"),
    (["mcp-node", "--port", "99999"], "'99999' 不合规则：不能大于 65535"),
    (["audit", "verify", "--signers", sys.executable], "不是 UTF-8 文本"),
    (["people", "key", "alice", sys.executable], "不是 UTF-8 文本"),
    (["audit", "verify", "--signers", "/dev/zero"], "太大"),
    (["audit", "verify", "--file", "\x1b]0;x\x07"], r"\x1b]0;x\x07"),
    (["status", "\x1b[31mx"], r"\x1b[31mx"),
    (["run", "--nosuch\x9b2J"], r"\x9b2J"),
    (["lab", "--workstations", "abc"], "--workstations 的值 'abc' 不合规则：应为整数"),
]
ENVIRONMENT = [
    ({"PAM_STORE_URL": "mysql://u:canary-71@x/y"}, 2, "PAM_STORE_URL"),
    ({"PAM_STORE_URL": "sqlite://"}, 2, "PAM_STORE_URL"),
    ({"PAM_STORE_URL": "sqlite:////"}, 12, "那里是一个目录"),
    ({"PAM_OTEL": "maybe"}, 2, "PAM_OTEL 的值 'maybe'"),
    ({"PAM_MCP_URL": "nosuch"}, 2, "PAM_MCP_URL 的值 'nosuch'"),
    ({"PAM_MCP_COMMAND": "node-mcp"}, 2, "绝对路径"),
    ({"PAM_MCP_COMMAND": "/opt/mcp 'x"}, 2, "引号不成对"),
    ({"PAM_MCP_COMMAND": "/opt/mcp --url http://h/?token=canary-71"}, 2, "不能有令牌"),
    ({"PAM_MCP_COMMAND": "/opt/mcp", "PAM_MCP_URL": "http://127.0.0.1:1/mcp"}, 2, "只留一个"),
    ({"OPENAI_BASE_URL": "nosuch"}, 2, "OPENAI_BASE_URL"),
]
STOPPED = [
    (["--targets", "10.9.9.9"], {}, {}, "10.9.9.9"),
    ([], {"AIRPORT_CODE": "XYZ"}, {}, "XYZ"),
    ([], {"PAM_HOME_URL": "http://127.0.0.1:1", "REQUEST_TIMEOUT": "2"}, {}, "check-home"),
    ([], {}, {"PAM_TOKEN": "wrong"}, "PAM_TOKEN"),
    ([], {}, {"PAM_TOKEN": ""}, "PAM_TOKEN"),
]


def said(done: Done, named: str) -> None:
    """标准错误用中文点出是哪一项，没有回溯，没有数据。"""
    assert named in done.err
    assert "错误" in done.err
    assert "Traceback" not in done.err
    assert "Usage" not in done.err
    assert done.err.replace("\n", "").isprintable()
    assert done.out == ""


def half_written(folder: Path) -> list[Path]:
    """写了一半的文件。"""
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.name.endswith(".tmp")]


@pytest.mark.parametrize(("options", "params", "named"), USAGE, ids=str)
def test_usage(site: Site, options: list[str], params: dict[str, str], named: str) -> None:
    """不合规则的输入：2，没有登记，除了空的账本与检查点没有别的文件。"""
    done = site.run("--yes", *options, env=None, **params)
    assert done.code == 2
    said(done, named)
    assert site.effects() == []
    assert {path.name.split(".")[0] for path in site.pam.files()} <= {"pam", "checkpoints"}
    ledger = Ledger(f"sqlite:///{site.pam.home / 'runtime' / 'pam.db'}")
    assert ledger.list_runs() == []
    ledger.close()


@pytest.mark.parametrize(("options", "params", "env", "named"), STOPPED, ids=lambda value: str(value)[:30])
def test_stopped_before_anything(
    site: Site, options: list[str], params: dict[str, str], env: dict[str, str], named: str
) -> None:
    """批准之前的检查不过：12，说出原因，没有一个效果，没有写了一半的文件。"""
    done = site.run("--yes", *options, env=env, **params)
    assert done.code == 12
    assert named in done.err
    assert "Traceback" not in done.err
    assert (site.effects(), half_written(site.pam.home)) == ([], [])


@pytest.mark.parametrize(("argv", "named"), COMMANDS, ids=lambda value: str(value)[:30])
def test_usage_of_any_command(pam: Pam, argv: list[str], named: str) -> None:
    """用法不对：2，点出选项、值和规则。"""
    done = pam.job(["pam_deploy_graph", *argv]).wait()
    assert done.code == 2
    said(done, named)


@pytest.mark.parametrize(("env", "code", "named"), ENVIRONMENT, ids=lambda value: str(value)[:30])
def test_environment(pam: Pam, env: dict[str, str], code: int, named: str) -> None:
    """不合规则的环境变量：点出是哪一个，不泄露口令，不是一屏回溯。"""
    done = pam("runs", env=env)
    assert done.code == code
    said(done, named)
    assert "canary-71" not in done.err


def test_a_settings_file_in_another_encoding(pam: Pam) -> None:
    """``.env`` 不是 UTF-8：2，指出是它。"""
    pam.home.mkdir()
    (pam.home / ".env").write_bytes("PAM_LLM_MODEL=模型".encode("gbk"))
    done = pam("runs")
    assert done.code == 2
    said(done, ".env")


def test_home_is_no_folder(site: Site) -> None:
    """``--home`` 是一个文件：2；建不了的目录：12；都说出是哪里。"""
    assert site.pam(*site.argv(), home=site.package).code == 2
    done = site.pam(*site.argv(), home="/proc/nosuch")
    assert done.code == 12
    said(done, "/proc/nosuch")


def test_an_empty_scope_ends_the_run(site: Site) -> None:
    """范围为空的运行以 12 结束：status 说已结束，报告列出不在线的。"""
    assert site.run("--yes", "--targets", "10.9.9.9").code == 12
    assert site.status()["phase"] == "finished"
    assert site.report()["missing_ips"] == ["10.9.9.9"]


def test_mended_and_resumed(site: Site) -> None:
    """令牌错了停下的运行，换上对的令牌 resume 给出计划（事先的批准只管那个命令提出的），批准之后做完。"""
    site.take(1)
    assert site.run("--yes", env={"PAM_TOKEN": "wrong"}).code == 12
    assert site.resume().code == 10
    assert site.confirm("approve").code == 0
    assert site.resume().code == 0
    site.all_right()


def test_no_package_for_a_version(site: Site) -> None:
    """HOME 没有这个版本、也没有给安装包：2，点出版本，没有一个效果。"""
    site.take(1)
    done = site.run("--yes", PACKAGE_PATH="")
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "PACKAGE_PATH" in done.err
    assert site.effects() == []


def test_a_version_published_with_another_hash(site: Site) -> None:
    """同一版本号换了安装包：HOME 不收，以 12 停下并说出版本，工作站一台没动。"""
    (ip,) = site.take(1)
    assert site.run("--yes").code == 0
    site.package.write_bytes(b"something else")
    site.run_id += "-again"
    done = site.run("--yes", "--force")
    assert (done.code, site.version in done.err) == (12, True)
    assert [effect for effect in site.effects() if effect[1]] == []
    assert site.real(ip) == (True, site.version)


def test_a_damaged_checkpoint_file_is_named(site: Site) -> None:
    """检查点文件坏了：指出是哪个文件，不是一屏回溯。"""
    site.take(1)
    assert site.run().code == 10
    (site.pam.home / "runtime" / "checkpoints.sqlite").write_bytes(b"garbage" * 1000)
    done = site.resume()
    assert "Traceback" not in done.err
    assert "checkpoints.sqlite" in done.err


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["nosuch"], "nosuch"),
        (["status", "a", "b", "c"], "c"),
        (["status", "a", "b"], "a"),
        (["report"], "RUN_ID"),
        (["report", "x", "--format", "pdf"], "pdf"),
        (["preview", "--strategy", "nosuch"], "nosuch"),
    ],
)
def test_other_commands(site: Site, argv: list[Any], named: str) -> None:
    """其他命令的用法错误也是 2，也用中文说。"""
    done = site.pam(*argv)
    assert done.code == 2
    said(done, named)


@pytest.mark.parametrize("argv", [["report", "x", "--format", "pdf"], ["run", "--nosuch"], ["report"], ["nosuch"]])
def test_no_english(site: Site, argv: list[str]) -> None:
    """点出选项与值，不夹英文句子。"""
    done = site.pam(*argv)
    assert done.code == 2
    for word in ("Invalid", "No such", "Missing", "is not"):
        assert word not in done.err
