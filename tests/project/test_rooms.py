"""房子的规矩：测试照房间排，同名的文件各有缘由。"""

from collections import Counter

from tests.project.test_house import NAMES, ROOMS
from tools.source import PROJECT

TWICE = {
    "command.py": "两个自成一体的程序（lab、mcp_node）各有一个命令入口",
    "global_flow.py": "图的节点与它驱动的流程；节点名由契约点名",
    "progress.py": "推到哪里了，说给终端的人听与说给宿主听（cli、graph）",
    "repair.py": "命令与它做的事（cli、runs）",
    "result.py": "两个后端是一对（script_runner、mcp_runner）",
    "runner.py": "两个后端是一对（script_runner、mcp_runner）",
    "server.py": "两个自成一体的程序（lab、mcp_node）各有一个服务",
}
"""可以同名的文件，连同缘由。"""


def test_a_name_stands_for_one_thing() -> None:
    """包里没有无缘无故同名的文件。"""
    counted = Counter(name.name for name in NAMES if name.parts[0] == "pam_deploy_graph" and name.suffix == ".py")
    assert {name for name, count in counted.items() if count > 1 and not name.startswith("__")} <= set(TWICE)


def test_the_tests_lie_as_the_rooms_do() -> None:
    """测试的目录都是房间，或在参与开发的那一页里写着管什么。"""
    text = (PROJECT / "docs" / "contributing.md").read_text(encoding="utf-8")
    folders = {str(name.parent)[len("tests/") :] for name in NAMES if name.match("tests/*/**/test_*.py")}
    assert {one for one in folders if one not in ROOMS and f"`tests/{one}`" not in text} == set()
