"""站点的 TLS 现场，两个文件的测试共用。"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from tests.tls.site import Airport, Paper, https_front, issue


@pytest.fixture(scope="package")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    """一套证书。"""
    return issue(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="package")
def airport(lab: LabProcess, paper: Paper) -> Iterator[Airport]:
    """HOME、NODE 前面各一个 HTTPS 入口；mcp-node 自己收 TLS，对 NODE 也走 TLS。"""
    with ExitStack() as stack:
        node = stack.enter_context(https_front(paper, lab.node_url()))
        home = stack.enter_context(https_front(paper, lab.home_url, swaps={lab.node_url(): node}))
        options = ["--tls-cert", str(paper.server), "--tls-key", str(paper.server_key), "--client-ca", str(paper.ca)]
        env = {"PATH": "/usr/bin:/bin", "PAM_TOKEN": lab.token, **paper.environ()}
        server = Helper(helper_command("mcp-node", "--node-url", node, *options), env=env)
        stack.callback(server.stop)
        assert server.info["mcp_url"].startswith("https://")
        yield Airport(home, server.info["mcp_url"], node, paper)
