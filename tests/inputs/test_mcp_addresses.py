"""``PAM_MCP_URL`` 的写法：一个地址，或各机场的；几台机器合做时不许一个地址管所有的机场。"""

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.mcp_addresses import mcp_url_for
from pam_deploy_graph.settings import Settings

ONE, TWO = "http://10.9.0.1:8090/mcp", "https://sha.example/mcp?a=1,2"
SHARED = "postgresql://pam@db.example/pam"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ("", "")),
        (ONE, (ONE, ONE)),
        (f"PEK={ONE}", (ONE, "")),
        (f"PEK={ONE},SHA={TWO}", (ONE, TWO)),
        (f" sha={TWO} , pek={ONE} ", (ONE, TWO)),
        (TWO, (TWO, TWO)),
    ],
)
def test_each_airport_has_its_own(value: str, expected: tuple[str, str]) -> None:
    """写到的机场用它的，没有写到的为空串（用 HOME 给出的）；地址里可以有逗号与等号。"""
    settings = Settings(pam_mcp_url=value)
    assert tuple(mcp_url_for(settings.pam_mcp_url, airport) for airport in ("PEK", "SHA")) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("nosuch", "PEK=地址"),
        (f"PEK={ONE},PEK={TWO}", "PEK 写了两次"),
        (f"{ONE},SHA={TWO}", "PEK=地址"),
        ("PEK=", "PEK=地址"),
        (f"PEKX={ONE}", "PEK=地址"),
        ("PEK=http://169.254.169.254/mcp", "PAM_MCP_URL"),
    ],
)
def test_what_cannot_be_read_is_refused(value: str, rule: str) -> None:
    """看不懂的、重复的、绝不可用的，说出是哪个设置、什么规则。"""
    with pytest.raises(InvalidInputError, match="PAM_MCP_URL") as refused:
        Settings(pam_mcp_url=value)
    assert rule in str(refused.value)


def test_a_worker_must_share_its_store() -> None:
    """设了 PAM_REQUIRE_SHARED_STORE：账本在本机的不启动，一个地址管所有机场的也不；两样都对的照常。"""
    for store, said in (("", "没有设"), ("sqlite:////tmp/pam.db", "指的是本机的文件")):
        with pytest.raises(InvalidInputError, match=f"PAM_STORE_URL {said}.*postgresql://"):
            Settings(pam_require_shared_store=True, pam_store_url=store)
    with pytest.raises(InvalidInputError, match=f"只有一个地址 {ONE}.*PEK=地址,SHA=地址"):
        Settings(pam_require_shared_store=True, pam_store_url=SHARED, pam_mcp_url=ONE)
    assert Settings(pam_require_shared_store=True, pam_store_url=SHARED, pam_mcp_url=f"PEK={ONE}").pam_mcp_url
