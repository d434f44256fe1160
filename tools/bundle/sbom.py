"""整包的物料清单（CycloneDX 1.6）：里面有哪些包、哪个版本，交给现场的漏洞扫描。"""

import platform
import sqlite3
import ssl
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from pam_deploy_graph import __version__
from pam_deploy_graph.system.file_digest import file_digest
from tools.bundle.contents import distributions, system_libraries

NAME: Final = "sbom.cdx.json"


def sbom_text(bundle: Path, *, commit: str, moment: int) -> str:
    """写出清单；同样的内容写出同样的字节。

    Args:
        bundle: 打好的目录。
        commit: 这一份代码的提交。
        moment: 那个提交的时间（Unix 秒），作为清单的时间。

    """
    root = Component(name="pam-deploy-graph", version=__version__, type=ComponentType.APPLICATION, bom_ref="root")
    packages = {name: (number, PackageURL("pypi", name=name.lower(), version=number)) for name, number in
                distributions(bundle).items()}  # fmt: skip
    beside = {
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "sqlite": sqlite3.sqlite_version,
    }
    packages |= {name: (number, PackageURL("generic", name=name, version=number)) for name, number in beside.items()}
    inside = [
        Component(name=name, version=number, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl))
        for name, (number, purl) in packages.items()
    ]
    inside += [_library(path) for path in system_libraries(bundle)]
    bom = Bom(components=inside, serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"pam-deploy-graph/{commit}"))
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(moment, UTC)
    bom.register_dependency(root, inside)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _library(path: Path) -> Component:
    """一个随包的系统库：版本不知道的不写，写文件的 SHA-256。"""
    content = HashType(alg=HashAlgorithm.SHA_256, content=file_digest(path))
    return Component(name=path.name, type=ComponentType.FILE, hashes=[content], bom_ref=path.name)
