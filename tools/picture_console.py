"""拍下控制台的各页：真的开一个演练，提出、批准、做到等人决定，拍成 ``docs/images/console*.png``。

``make picture`` 装好附加依赖 ``pictures`` 再运行它。要装 Chromium 和一种中文字体。
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tools.browser import open_browser
from tools.console_drill import Drill, new_page
from tools.source import PROJECT

FOLDER: Final = PROJECT / "docs" / "images"
_WIDTHS: Final = {"": 1440, "-phone": 390}


def take(drill: Drill, browser: Browser, folder: Path) -> list[Path]:
    """走到等人决定，拍各页的桌面与电话的样子。"""
    asking, deciding = (drill.login(new_page(browser), name) for name in ("li", "wang"))
    run_id = drill.request(asking)
    drill.answer(deciding, run_id, "approve")
    deciding.goto(f"{drill.url}runs/{run_id}")
    deciding.wait_for_selector("#side .ask", timeout=120_000)
    paths = {"console": f"runs/{run_id}", "console-board": "", "console-decide": "decide", "console-ask": "ask"}
    paths["console-evidence"] = f"audit/{run_id}"
    taken = []
    for suffix, width in _WIDTHS.items():
        page = drill.login(new_page(browser, width=width), "wang")
        for name, path in paths.items():
            page.goto(f"{drill.url}{path}")
            if name == "console-ask":
                page.fill("[name=text]", "首都机场 checkin/gate 升到 1.2.3，先灰度 2 台，别动 10.0.0.9")
                page.click("[value=hear]")
            page.wait_for_timeout(1200)
            taken.append(folder / f"{name}{suffix}.png")
            page.screenshot(path=taken[-1], full_page=bool(suffix))
    return taken


def main(argv: Sequence[str] | None = None) -> int:
    """拍一遍。"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="写到哪个目录")
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, open_browser() as browser:
        drill = Drill(Path(home))
        drill.start("--lab")
        try:
            taken = take(drill, browser, options.folder)
        finally:
            drill.stop()
    print("\n".join(f"已写出 {path}（{path.stat().st_size} 字节）" for path in taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
