"""幂等键的写法（contract 第 3 节）。"""

import re
from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import idempotency_key, new_nonce, owner_of

NAMES = ["r1", "20260101_120000", "a.b-c_d", "x" * 64]


@pytest.mark.parametrize("run_id", NAMES)
@pytest.mark.parametrize("ip", ["10.0.0.8", "fd00::1", None])
def test_a_key_says_whose_it_is(run_id: str, ip: str | None) -> None:
    """从键里认得出运行名与 nonce；键只含脚本入口收的字符，也不超长。"""
    nonce = new_nonce()
    key = idempotency_key(run_id, nonce, ip, "deploy-ip", 12)
    assert key == f"{run_id}.{nonce}:{ip or '-'}:deploy-ip:12"
    assert owner_of(key) == (run_id, nonce)
    assert re.fullmatch(r"[0-9A-Za-z:._-]{1,200}", key)


@pytest.mark.parametrize("key", ["", "by-hand", "r1:10.0.0.8:stop-ip:1", "r1.xyz:10.0.0.8:stop-ip:1", "r1.0badc0de"])
def test_foreign_keys_name_nobody(key: str) -> None:
    """不是这种写法的键认不出是谁的，不猜。"""
    assert owner_of(key) == ("", "")


def test_the_same_name_in_two_homes(tmp_path: Path) -> None:
    """两个家里取了同一个运行名：nonce 不同，键就不同；同一个家里再登记一次，还是原来的 nonce。"""
    nonces = []
    for home in ("one", "two"):
        ledger = Ledger(f"sqlite:///{tmp_path / home / 'pam.db'}")
        first, again = (AgentState(run_id="r1", params={}, execution_strategy="fake") for _ in range(2))
        assert (ledger.create_run(first), ledger.create_run(again)) == (True, False)
        assert first.nonce == again.nonce == ledger.load_state("r1").nonce
        nonces.append(first.nonce)
        ledger.close()
    assert all(re.fullmatch("[0-9a-f]{8}", nonce) for nonce in nonces)
    assert nonces[0] != nonces[1]
