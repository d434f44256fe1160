"""拍下报告页：真的走一遍演示，把它的报告页拍成 ``docs/images/report.png``。

``make picture`` 装好附加依赖 ``pictures`` 再运行它。要装 Chromium 和一种中文字体
（Debian、Ubuntu：``apt install chromium fonts-noto-cjk``）。
页末的参数里有临时目录，不拍。
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect

from tools.browser import open_page
from tools.check_figures import RECORD, fingerprint
from tools.source import PROJECT

PICTURE = PROJECT / "docs" / "images" / "report.png"
OPERATOR = "operator"
"""图里的操作员，不用拍图的人的名字。"""
PROGRAM = (sys.executable, "-m", "pam_deploy_graph")


def demo_report(home: Path) -> Path:
    """在一个空目录里走一遍演示，返回它的报告页。"""
    environment = {**os.environ, "LOGNAME": OPERATOR}
    subprocess.run(
        [*PROGRAM, "demo", "--yes", "--home", str(home)], check=True, stdout=subprocess.PIPE, env=environment
    )
    listed = subprocess.run([*PROGRAM, "runs", "--json", "--home", str(home)], check=True, capture_output=True)
    report = [*PROGRAM, "report", json.loads(listed.stdout)[0]["run_id"], "--format", "html", "--home", str(home)]
    page = home / "report.html"
    page.write_bytes(subprocess.run(report, check=True, capture_output=True).stdout)
    return page


def take(page: Path, scheme: Literal["light", "dark"], width: int) -> bytes:
    """打开报告页，拍到参数之前；返回 PNG。"""
    with open_page(page, width=width, scheme=scheme) as visit:
        height = visit.page.evaluate("document.getElementById('inputs').offsetTop")
        clip = FloatRect(x=0, y=0, width=width, height=height)
        taken: bytes = visit.page.screenshot(full_page=True, clip=clip)
        return taken


def main(argv: Sequence[str] | None = None) -> int:
    """照命令行的要求拍一张。"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PICTURE, help="写到哪里")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light", help="浅色或深色")
    parser.add_argument("--width", type=int, default=1280, help="宽度，CSS 像素")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as home:
        picture = take(demo_report(Path(home)), options.scheme, options.width)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(picture)
    if options.output == PICTURE:
        (PROJECT / RECORD).write_text(fingerprint(PROJECT), encoding="utf-8")
    print(f"已写出 {options.output}（{len(picture)} 字节）")
    return 0


if __name__ == "__main__":
    sys.exit(main())
