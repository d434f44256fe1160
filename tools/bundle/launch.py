"""整包程序的入口；由 PyInstaller 收进去，不在别处运行。"""

import os
from pathlib import Path
from typing import Final

from pam_deploy_graph.__main__ import main

AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""各家发行版放根证书的文件：Debian、RHEL、SUSE、Alpine。"""


def trust_this_machine() -> None:
    """用这台机器自己的根证书：随包的 OpenSSL 只认得构建那台机器的位置。已设 ``SSL_CERT_FILE`` 的照旧。"""
    found = next((path for path in AUTHORITIES if Path(path).is_file()), None)
    if found:
        os.environ.setdefault("SSL_CERT_FILE", found)


if __name__ == "__main__":
    trust_this_machine()
    main()
