"""随包的脚本说的话：说英文时句句换得了，别的脚本说的照原样。"""

import pytest

from pam_deploy_graph.i18n import EN, speaking
from pam_deploy_graph.script_runner.script_words import retold
from tools.catalogue import CJK
from tools.pages.messages import scripted

SENT = [
    "PAM_NODE 没有在时限内答复",
    "查询节点地址时，与 PAM_HOME 的连接中断，没有收到应答（curl 52）；对方若要客户端证书，请核对 PAM_CLIENT_CERT",
    "PAM_HOME（http://10.0.0.1:80）的证书不可信（curl 60），请求没有送出；它已经过期，请对方换一张",
    "PAM_HOME 回答 HTTP 503",
]


@pytest.mark.parametrize("said", [one.text.replace("{…}", "x").replace("${!ca-}", "y") for one in scripted()] + SENT)
def test_every_sentence_has_its_english(said: str) -> None:
    """说中文照原样；说英文没有一个汉字。"""
    assert retold(said) == said
    with speaking(EN):
        assert not CJK.search(retold(said)), retold(said)


def test_holes_are_kept() -> None:
    """洞里的照填，里面的话也换；不认得的一字不动。"""
    with speaking(EN):
        assert retold("连接不上 PAM_HOME（http://h:80）") == "cannot connect to PAM_HOME (http://h:80)"
        assert retold("PAM_HOME 回答 HTTP 409：版本已有") == "PAM_HOME answered HTTP 409: 版本已有"
        assert retold("磁盘满了") == "磁盘满了"
