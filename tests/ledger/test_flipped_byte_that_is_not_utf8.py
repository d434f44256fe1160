"""曾经的缺陷：字节翻转成非 UTF-8 时抛的是 SQLAlchemy 的原始错误，没有指出哪一行。"""

import pytest

from pam_deploy_graph.errors import LedgerDamagedError
from tests.agent.rig import Rig, execute, folded


@pytest.mark.parametrize("body", ["cast(x'5b22ff225d' as text)", "x'5b5d'", "7"])
def test_any_damage_is_named(body: str, rig: Rig) -> None:
    """内容不再是 UTF-8、不再是文本：同样是 LedgerDamagedError，指出是哪一行。"""
    rig.ready(run_id="r1")
    execute(f"UPDATE events SET body = {body} WHERE seq = 3")  # noqa: S608 —— 上面写明的几个字面量
    with pytest.raises(LedgerDamagedError, match="第 3 行"):
        folded("r1")
