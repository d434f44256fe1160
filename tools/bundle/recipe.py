"""整包怎么打：名字、不收什么、PyInstaller 的参数；只算不做。"""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pam_deploy_graph import __version__
from tools.source import PROJECT

PROGRAM: Final = "pam-deploy"
BUNDLE: Final = f"{PROGRAM}-{__version__}-linux-{platform.machine()}"
DIST: Final = PROJECT / "dist"
WORK: Final = PROJECT / "build" / "bundle"
INSIDE: Final = "_internal"
SCRIPTS: Final = "pam_deploy_graph/_resources/doc_scripts"
"""与 wheel 里的位置相同，``resources.packaged_path`` 因此不必知道自己在整包里。"""

EXCLUDED: Final[dict[str, tuple[str, ...]]] = {
    "开发与安装的工具": (
        *("_pytest", "distutils", "hypothesis", "lib2to3", "mypy", "pip", "pydoc", "pydoc_data", "pytest"),
        *("setuptools", "tkinter", "matplotlib", "numpy"),
    ),
    "试着导入、没有也照常": (
        *("IPython", "cryptography", "defusedxml", "jwt", "sqlite_vec", "zstandard"),
        *("tiktoken._educational", "websockets.trio", "websockets.legacy"),
    ),
    "C 写的那一份已经收了": ("_pydecimal", "multidict._multidict_py"),
    "纯 Python 的那一份够用；这一份要带上 libstdc++，还抬高 glibc 的下限": ("frozenlist._frozenlist",),
    "rich 只有排版代码块与回溯时才用": ("pygments.lexers",),
    "tiktoken 只有数词元时才用": ("regex",),
    "账本只用 SQLAlchemy Core，库是 SQLite 或 PostgreSQL": (
        *("sqlalchemy.orm", "sqlalchemy.ext"),
        *("sqlalchemy.dialects.mssql", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.oracle"),
    ),
    "LangSmith 的云上功能": ("langsmith.cli", "langsmith.evaluation", "langsmith.sandbox", "langsmith.testing"),
    "OpenAI 在对话之外的接口": tuple(
        f"openai.{room}.{name}" for room in ("resources", "types") for name in ("admin", "beta", "live", "realtime")
    ),
}
"""理由 → 不收的模块。"""


def excluded() -> Iterator[str]:
    """逐个给出不收的模块。"""
    for modules in EXCLUDED.values():
        yield from modules


def pyinstaller_argv(dist: Path, *, onefile: bool = False) -> list[str]:
    """拼出 PyInstaller 的参数。

    Args:
        dist: 打好的东西放在这个目录里。
        onefile: 打成一个自解压的文件，只为与目录的做法比较。

    Returns:
        参数；``noarchive`` 让模块各是一个文件：整个包压得更小，启动时也不必逐个解压。

    """
    shape = ["--onefile"] if onefile else ["--onedir", "--contents-directory", INSIDE, "--debug", "noarchive"]
    return [
        *shape,
        *("--name", PROGRAM, "--strip", "--noconfirm", "--clean", "--log-level", "ERROR"),
        *("--distpath", str(dist), "--workpath", str(WORK), "--specpath", str(WORK)),
        *("--collect-data", "pam_deploy_graph", "--collect-data", "airportsdata", "--collect-data", "opencc"),
        *("--hidden-import", "tiktoken_ext.openai_public"),  # tiktoken 在运行时找它，静态分析看不见
        *("--add-data", f"{PROJECT / 'doc_scripts'}:{SCRIPTS}"),
        *(part for module in excluded() for part in ("--exclude-module", module)),
        str(PROJECT / "tools" / "bundle" / "launch.py"),
    ]
