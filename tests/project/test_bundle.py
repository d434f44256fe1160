"""打整包的工具：读二进制的要求、收文件、写页面；整包本身由 ``make bundle-check`` 试。"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pam_deploy_graph.lab.helper import helper_command
from tools.bundle import launch, page
from tools.bundle.build import pack
from tools.bundle.contents import needed
from tools.bundle.elf import Demand, asked_of_target, demands, glibc_floor
from tools.bundle.recipe import EXCLUDED, INSIDE, excluded
from tools.bundle.sbom import sbom_text
from tools.source import PROJECT, parse, python_files

BLOCKS = re.compile(r"<!-- (\w+):起 -->\n\n(.+?)\n\n<!-- \1:止 -->", re.DOTALL)


def _imported(path: Path) -> set[str]:
    """一个文件导入的模块。"""
    names = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_nothing_we_import_is_left_out() -> None:
    """本项目自己导入的模块，整包没有一个不收。"""
    ours = {name for path in python_files(PROJECT, ["pam_deploy_graph"]) for name in _imported(path)}
    assert {one for one in excluded() for name in ours if f"{name}.".startswith(f"{one}.")} == set()


def test_demands_of_real_binary(tmp_path: Path) -> None:
    """从真的二进制里读出它要的库与 glibc；不是二进制的跳过。"""
    bash = shutil.which("bash")
    assert bash
    shutil.copy(bash, tmp_path / "bash")
    (tmp_path / "note.txt").write_text("不是二进制", encoding="utf-8")
    (found,) = demands(tmp_path)
    assert "libc.so.6" in found.needed
    assert found.glibc >= (2, 2)
    assert glibc_floor([found]) == (".".join(map(str, found.glibc)), ["bash"])


def test_target_gives_what_is_not_carried() -> None:
    """包里带着的库不用目标机给，主程序要的除外；glibc 的不算。"""
    program = Demand(Path("pam-deploy"), frozenset({"libz.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}), (2, 17))
    carried = Demand(Path("in/libz.so.1"), frozenset({"libc.so.6"}), (2, 17))
    module = Demand(Path("in/_x.so"), frozenset({"libz.so.1", "libm.so.6", "libodd.so.3"}), (2, 9))
    everything = [program, carried, module]
    assert asked_of_target(everything, program.path) == {"libz.so.1", "libodd.so.3"}
    assert glibc_floor(everything) == ("2.17", ["libz.so.1", "pam-deploy"])


def test_helper_of_a_bundle_is_the_program_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """打成程序之后没有 ``-m``：助手进程由程序自己启动。"""
    assert helper_command("mcp-node", "--port", "0")[1:3] == ["-m", "pam_deploy_graph.mcp_node"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert helper_command("mcp-node", "--port", "0") == [sys.executable, "mcp-node", "--port", "0"]


def test_trusts_the_authorities_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """用这台机器上有的那份根证书；用户自己指定的照旧。"""
    there = tmp_path / "ca.pem"
    there.touch()
    monkeypatch.setattr(launch, "AUTHORITIES", (str(tmp_path / "nowhere.pem"), str(there)))
    monkeypatch.setenv("SSL_CERT_FILE", "mine.pem")
    launch.trust_this_machine()
    assert os.environ["SSL_CERT_FILE"] == "mine.pem"
    monkeypatch.delenv("SSL_CERT_FILE")
    launch.trust_this_machine()
    assert os.environ["SSL_CERT_FILE"] == str(there)


def test_packs_the_same_bytes(tmp_path: Path) -> None:
    """同样的内容压出同样的字节，链接与可执行位留着，校验和对得上。"""
    folder = tmp_path / "thing"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "run.sh").write_text("#!/bin/bash\n", encoding="utf-8")
    (folder / "inside" / "run.sh").chmod(0o700)
    (folder / "shown").symlink_to("inside")
    archive = pack(folder)
    first = archive.read_bytes()
    (folder / "inside" / "run.sh").touch()
    assert pack(folder).read_bytes() == first
    subprocess.run(["sha256sum", "--check", "--quiet", f"{archive.name}.sha256"], cwd=tmp_path, check=True)
    shutil.rmtree(folder)
    subprocess.run(["tar", "-xzf", archive.name], cwd=tmp_path, check=True)
    assert (folder / "shown" / "run.sh").stat().st_mode & 0o777 == 0o755


def _locked() -> dict[str, str]:
    """锁住的版本，照这个解释器。"""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    rows = [Requirement(line.rstrip("\\ ")) for line in text.splitlines() if line[:1].isalnum()]
    rows = [row for row in rows if row.marker is None or row.marker.evaluate()]
    return {canonicalize_name(row.name): str(row.specifier).removeprefix("==") for row in rows}


def test_the_bill_of_materials(tmp_path: Path) -> None:
    """物料清单合 CycloneDX 自己的模式；要的包一个不少、版本是锁住的，系统库也在；同样的内容写出同样的字节。"""
    inside, wanted = tmp_path / INSIDE, needed()
    inside.mkdir()
    beside: set[str] = set()  # 与要的包合用一个模块的附加依赖，这个环境里装着也会数进来
    for module, names in packages_distributions().items():
        known = {canonicalize_name(name) for name in names}
        if wanted & known:
            (inside / module).mkdir()
            beside |= known - wanted
    (inside / "libz.so.1").write_bytes(b"library")
    text = sbom_text(tmp_path, commit="c0ffee", moment=1)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill, locked = json.loads(text), _locked()
    packages = {one["purl"] for one in bill["components"] if one.get("purl", "").startswith("pkg:pypi/")}
    assert {f"pkg:pypi/{name}@{locked[name]}" for name in wanted} <= packages
    assert {purl.removeprefix("pkg:pypi/").partition("@")[0] for purl in packages} <= wanted | beside
    rest = {one["name"] for one in bill["components"] if one.get("purl") not in packages}
    assert rest == {"python", "openssl", "sqlite", "libz.so.1"}
    (root,) = [row for row in bill["dependencies"] if row["ref"] == "root"]
    assert set(root["dependsOn"]) == {one["bom-ref"] for one in bill["components"]}
    assert sbom_text(tmp_path, commit="c0ffee", moment=1) == text


def test_page_is_filled_from_a_build() -> None:
    """页面的每一块都填了；不收什么的那张表与打包用的是同一份。"""
    text = page.PAGE.read_text(encoding="utf-8")
    blocks = dict(BLOCKS.findall(text))
    assert set(blocks) == {"figures", "parts", "excluded", "alternatives"}
    assert blocks["excluded"] == "\n".join(page.excluded_rows())
    assert all(f"`{module}`" in blocks["excluded"] for modules in EXCLUDED.values() for module in modules)


def test_replace_names_what_is_missing() -> None:
    """换掉一块，别处不动；没有这一块要说出来。"""
    text = "前<!-- a:起 -->旧<!-- a:止 -->后"
    assert page.replace(text, "a", "新") == "前<!-- a:起 -->\n\n新\n\n<!-- a:止 -->后"
    with pytest.raises(ValueError, match="b:起"):
        page.replace(text, "b", "新")


def test_locks_agree() -> None:
    """构建工具的锁与依赖的锁里都有的包，版本相同。"""
    pins = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
    ours, tools = (
        dict(pins.findall((PROJECT / name).read_text(encoding="utf-8")))
        for name in ("requirements.lock", "packaging/requirements.lock")
    )
    assert "pyinstaller" in tools
    assert {name: tools[name] for name in tools.keys() & ours.keys()} == {
        name: ours[name] for name in tools.keys() & ours.keys()
    }
