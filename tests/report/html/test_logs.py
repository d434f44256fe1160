"""日志末尾的读法与命令行的测试。"""

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pam_deploy_graph.cli.app import app
from pam_deploy_graph.report.html.log_excerpts import read_log_tails
from tests.report.html.runs import addresses, fake_run

IP = "10.0.0.4"


def _report(log_file: str, reason: str = "坏了") -> dict[str, Any]:
    """只有一台失败工作站的报告。"""
    return {"ips": {IP: {"failure_reason": reason, "log_file": log_file}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """一次运行的日志目录，里面有一份日志；外面也有一份不该读的。"""
    logs = tmp_path / "logs" / "r1"
    logs.mkdir(parents=True)
    (logs / "a.log").write_bytes(b"".join(b"line %d\n" % n for n in range(100)) + b"\xff\xfe end")
    (tmp_path / "secret.txt").write_text("秘密", encoding="utf-8")
    (logs / "link.log").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(logs / "pipe.log")
    return logs


@pytest.mark.parametrize("name", ["{folder}/a.log", "logs/r1/a.log"], ids=["absolute", "relative"])
def test_tail_is_the_last_twenty_lines(name: str, folder: Path, tmp_path: Path) -> None:
    """读末尾二十行，不是 UTF-8 的字节用替代字符；相对路径按工作目录找。"""
    tails = read_log_tails(_report(name.format(folder=folder)), home=tmp_path, folder=folder)
    lines = tails[IP].splitlines()
    assert len(lines) == 20
    assert lines[0] == "line 81"
    assert lines[-1] == "�� end"


def test_huge_log_is_read_from_its_end(folder: Path, tmp_path: Path) -> None:
    """没有换行的巨大日志也只读末尾一小段。"""
    (folder / "huge.log").write_bytes(b"x" * 5_000_000 + b"end")
    tails = read_log_tails(_report(str(folder / "huge.log")), home=tmp_path, folder=folder)
    assert len(tails[IP]) < 100_000
    assert tails[IP].endswith("end")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "{folder}/none.log",
        "{folder}",
        "{folder}/../../secret.txt",
        "{folder}/link.log",
        "{folder}/pipe.log",
        "a\0b",
    ],
    ids=["empty", "missing", "folder", "outside", "symlink", "fifo", "nul"],
)
def test_nothing_outside_the_log_folder_is_read(name: str, folder: Path, tmp_path: Path) -> None:
    """没有的、不是普通文件的、落在日志目录之外的都不读，也不出错。"""
    assert read_log_tails(_report(name.format(folder=folder)), home=tmp_path, folder=folder) == {}


def test_successful_workstations_have_no_tail(folder: Path, tmp_path: Path) -> None:
    """没有失败的工作站不附日志。"""
    assert read_log_tails(_report(str(folder / "a.log"), reason=""), home=tmp_path, folder=folder) == {}


def test_report_command_prints_the_page(tmp_path: Path) -> None:
    """``report --format html`` 打印整页 UTF-8，附上失败工作站取回的日志。"""
    fake_run(tmp_path, ips=addresses(5), arrange=lambda fake: fake.fail("verify-ip", IP, error="没有回答"))
    logs = tmp_path / "logs" / "r1"
    logs.mkdir(parents=True)
    (logs / f"{IP}.log").write_text("[ERROR] <b>磁盘满了</b>", encoding="utf-8")
    done = CliRunner().invoke(app, ["report", "r1", "--format", "html", "--home", str(tmp_path)])
    assert done.exit_code == 0
    page = done.stdout_bytes.decode()
    assert page.startswith("<!doctype html>")
    assert "[ERROR] &lt;b&gt;磁盘满了&lt;/b&gt;" in page
