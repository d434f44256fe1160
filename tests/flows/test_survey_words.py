"""提出计划之前看一眼：不知道的就说不知道。"""

import pytest

from pam_deploy_graph.flows.survey import Survey


@pytest.mark.parametrize(
    ("online", "running", "version", "said"),
    [
        ("true", "true", "1.2.2", "1 台运行着 1.2.2"),
        ("true", "false", "1.2.2", "1 台停着 1.2.2"),
        ("true", "", "1.2.2", "1 台装着 1.2.2、在不在运行未知"),
        ("true", "false", "", "1 台没有装"),
        ("false", "", "", "1 台不在线"),
    ],
)
def test_what_is_not_known_is_said(online: str, running: str, version: str, said: str) -> None:
    """没有说在不在运行的不当作停着。"""
    seen = Survey(["10.0.0.1"], 1)
    seen.found["10.0.0.1"] = {"ONLINE": online, "RUNNING": running, "VERSION": version, "LAST_KEY": ""}
    assert seen.lines() == [f"实情: {said}"]
