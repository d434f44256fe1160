"""检查脚本的测试：给一份坏文件，看它拦得住；给一份好文件，看它放得过。"""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tools import check_docstrings, check_figures, check_hygiene, check_references, check_rules, check_size, test_near
from tools.check_mermaid import diagrams
from tools.source import PROJECT

Check = Callable[[Sequence[str]], int]

GOOD = '"""好模块。"""\n\n\ndef hello() -> str:\n    """打招呼。"""\n    return "hi"\n'
LONG_FUNCTION = '"""模块。"""\n\n\ndef run() -> None:\n    """做事。"""\n' + "    print()\n" * 45
LONG_FILE = '"""模块。"""\n' + "A = 1\n" * 300
FAKE_KEY = "sk" + "-4f9aQz71LmX" + "w03RtYb68KcVd"

BAD = [
    pytest.param(check_docstrings.main, "a.py", "A = 1\n", "模块 没有文档串", id="module-without-docstring"),
    pytest.param(check_docstrings.main, "a.py", '"""English."""\n', "模块 的文档串不是中文", id="docstring-in-english"),
    pytest.param(
        check_docstrings.main,
        "a.py",
        '"""模块。"""\n\n\ndef f() -> None:\n    """外层。"""\n\n    def g() -> None:\n        pass\n',
        "函数 g 没有文档串",
        id="nested-function",
    ),
    pytest.param(
        check_docstrings.main,
        "a.py",
        '"""模块。"""\n\n\nclass A:\n    """类。"""\n\n    async def f(self) -> None:\n        pass\n',
        "函数 f 没有文档串",
        id="async-method",
    ),
    pytest.param(check_size.main, "a.py", LONG_FUNCTION, "函数 run 有 47 行，上限 45", id="long-function"),
    pytest.param(check_size.main, "a.py", LONG_FILE, "文件 有 301 行，上限 300", id="long-file"),
    pytest.param(check_rules.main, "agent.py", 'router.run_action(s, "x")\n', "只有 flows 可以", id="router-call"),
    pytest.param(
        check_rules.main, "nodes/a.py", 'r.x.arun_action(s, "x")\n', "只有 flows 可以", id="async-router-call"
    ),
    pytest.param(check_rules.main, "nodes/a.py", 'r.run_action(s, "query-ip")\n', "只有 flows 可以", id="node-asks"),
    pytest.param(check_rules.main, "cli/a.py", 'r.run_action(s, "stop-ip")\n', "只有 flows 可以", id="cli-acts"),
    pytest.param(check_rules.main, "cli/a.py", "r.run_action(s, action)\n", "只有 flows 可以", id="cli-any-action"),
    pytest.param(
        check_rules.main, "a.py", 'A = ["stop-ip", "deploy-ip", "start-ip"]\n', "动作清单只在", id="action-list"
    ),
    pytest.param(check_rules.main, "cli/a.py", "typer.echo(x)\n", "往终端写的用", id="past-the-door"),
    pytest.param(check_rules.main, "a.py", "import x  # noqa: F401\n", "中文理由", id="silent-noqa"),
    pytest.param(check_rules.main, "a.py", "import x  # type: ignore[import]\n", "中文理由", id="silent-ignore"),
    pytest.param(check_hygiene.main, "a.md", "看 /" + "work/main 里\n", "含有本机路径", id="machine-path"),
    pytest.param(check_hygiene.main, "a.md", "cd /" + "home/someone\n", "含有本机路径", id="home-path"),
    pytest.param(check_hygiene.main, "a.txt", "--index-url=" + "https://a\n", "含有软件源地址", id="index-url"),
    pytest.param(check_hygiene.main, "a.txt", "https://py" + "pi.org/simple\n", "含有软件源地址", id="registry-host"),
    pytest.param(check_hygiene.main, "runtime/a.txt", "甲\n", "运行时留下的文件", id="runtime-file"),
    pytest.param(check_figures.main, "web/page.css", "a {}\n", "报告页改过而图没有重拍", id="stale-picture"),
    pytest.param(check_hygiene.main, "big.txt", "a" * 1_000_001, "上限 1000000", id="big-file"),
]

PASSING = [
    pytest.param(check_docstrings.main, "a.py", GOOD, id="docstrings"),
    pytest.param(check_size.main, "a.py", GOOD, id="size"),
    pytest.param(check_rules.main, "flows/door.py", 'router.run_action(s, "x")\n', id="flows-may-act"),
    pytest.param(check_rules.main, "cli/a.py", 'r.run_action(s, "check-home", time_limit=1)\n', id="checkup-asks"),
    pytest.param(check_rules.main, "fake_runner.py", 'self.run_action(s, "x")\n', id="a-backend-is-itself"),
    pytest.param(check_rules.main, "a.py", "import x  # noqa: F401 再导出\n", id="noqa-with-reason"),
    pytest.param(check_hygiene.main, "a.py", GOOD, id="hygiene"),
]


def _plant(root: Path, name: str, text: str) -> list[str]:
    """在一个新仓库的包里放一份文件，返回指向这个仓库的参数。"""
    path = root / "pam_deploy_graph" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "--force", "."]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return ["--root", str(root)]


@pytest.mark.parametrize(("check", "name", "text", "message"), BAD)
def test_bad_file_is_refused(
    check: Check, name: str, text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """坏文件让检查以 1 结束，并说清问题在哪里。"""
    assert check(_plant(tmp_path, name, text)) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(("check", "name", "text"), PASSING)
def test_good_file_passes(check: Check, name: str, text: str, tmp_path: Path) -> None:
    """好文件让检查以 0 结束。"""
    assert check(_plant(tmp_path, name, text)) == 0


COMMANDS = [
    pytest.param("secrets", "a.py", f'A = "{FAKE_KEY}"\n', "Base64 High Entropy String", id="key"),
    pytest.param("secrets", "a.md", "postgresql://u:" + "hunter2@db\n", "Basic Auth Credentials", id="password"),
    pytest.param("links", "a.md", "# 甲\n\n[乙](b.md)\n", "'b.md' does not exist", id="broken-link"),
    pytest.param("links", "a.md", '<img src="b.png">\n', "'b.png' does not exist", id="broken-picture"),
    pytest.param("links", "a.md", "# 甲\n\n```text\n# 乙\n```\n[乙](#乙)\n", "no heading", id="broken-anchor"),
    pytest.param("links", "a.md", "# 一、`甲` 乙！\n[甲](#一甲-乙) [外](https://a.example/b)\n", "", id="links"),
]


@pytest.mark.parametrize(("target", "name", "text", "message"), COMMANDS)
def test_the_checkers_of_the_field_are_set_up(target: str, name: str, text: str, message: str, tmp_path: Path) -> None:
    """借来的检查器照 Makefile 里的写法运行：拦得住坏的，放得过好的；密钥本身不复述。"""
    _plant(tmp_path, name, text)
    command = ["make", "--silent", "--file", str(PROJECT / "Makefile"), f"VENV={PROJECT / '.venv'}", "STAMP=", target]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (message == ""), done.stdout + done.stderr
    assert message in done.stdout
    assert FAKE_KEY not in done.stdout + done.stderr


def test_usual_size_is_only_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """超过惯例而没有超过上限的函数只是列出来。"""
    assert check_size.main(_plant(tmp_path, "a.py", LONG_FUNCTION.replace("    print()\n", "", 20))) == 0
    assert "提示 pam_deploy_graph/a.py:4: 函数 run 有 27 行" in capsys.readouterr().out


CONTRACT = {"2": "IP 是真的", "3": "脚本后端"}


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("contract 第 2、3 节「脚本后端」", []),
        ("contract 第 4 节", ["contract 没有第 4 节"]),
        ("contract 第 2 节「脚本后端」", ["contract 第 2 节里没有「脚本后端」"]),
        ("architecture「账本」、faults「天气」", ["faults 里没有「天气」"]),
        ("契约第 3 节", ["只引用 docs/ 里有的文档，写成「contract 第 N 节」"]),
    ],
)
def test_references_are_resolved(line: str, problems: list[str]) -> None:
    """对设计文档的引用：号码、节里的话、文档都要找得到。"""
    pages = {"architecture": "账本", "faults": "storage"}
    assert list(check_references.judge(line, CONTRACT, pages)) == problems


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ("pam_deploy_graph/graph/nodes/plan.py", "tests/graph/nodes"),
        ("pam_deploy_graph/cli/app.py", "tests/cli"),
        ("pam_deploy_graph/agent.py", "tests/agent"),
        ("tools/gen_docs.py", "tests/project"),
        ("doc_scripts/pam_action.sh", "tests/script_runner"),
        ("pam_deploy_graph/fake_runner.py", "tests/doors/test_fake_runner.py"),
        ("tests/cli/test_chat.py", "tests/cli/test_chat.py"),
        ("tests/cli/site.py", "tests/cli"),
    ],
)
def test_the_tests_near_a_file(file: str, where: str) -> None:
    """一个文件的测试在它的房间里；房间没有自己的目录就往上找。"""
    assert test_near.near(PROJECT, Path(file)).startswith(where)


def test_diagrams_are_found(tmp_path: Path) -> None:
    """文档里的每个 Mermaid 代码块都取得出来，连同行号。"""
    _plant(tmp_path, "a.md", "# 甲\n\n```mermaid\ngraph TD;\n```\n\n```text\ngraph\n```\n")
    assert [(block.where, block.text) for block in diagrams(tmp_path)] == [("pam_deploy_graph/a.md:4", "graph TD;\n")]
