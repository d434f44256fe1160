"""操作规程的读取：与动作表一致，写错就拒绝。"""

from pathlib import Path

import pytest

from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.skill_policy import DEFAULT_SKILL_PATH, NEEDS_HUMAN, load_skill_policy

HEAD = "---\nname: x\ndescription: y\n---\n"


def test_shipped_policy_agrees_with_the_action_table() -> None:
    """随包的规程与动作表一致，正文提到每一个动作。"""
    policy = load_skill_policy("doc_scripts/PAM_AUTO_DEPLY_SKILL.md")
    assert policy.name == "pam-auto-deploy"
    assert policy.allowed_actions == tuple(ACTIONS)
    assert policy.needs_human == NEEDS_HUMAN
    assert policy.forbidden
    assert all(f"`{action}`" in policy.rules for action in ACTIONS)
    positions = [policy.rules.index(f"`{action}`") for action in ACTIONS]
    assert positions == sorted(positions)


def test_default_path_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """当前目录里没有规程时用随包的那一份；当前目录里有就用当前目录的。"""
    monkeypatch.chdir(tmp_path)
    assert load_skill_policy().name == "pam-auto-deploy"
    own = tmp_path / DEFAULT_SKILL_PATH
    own.parent.mkdir()
    own.write_text(HEAD, encoding="utf-8")
    assert load_skill_policy().name == "x"


def test_plain_policy_uses_the_programs_rules(tmp_path: Path) -> None:
    """没有机器可读部分的规程，动作与人审项取程序自己的。"""
    path = tmp_path / "SKILL.md"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + "正文\n").replace("\n", "\r\n").encode())
    policy = load_skill_policy(path)
    assert (policy.allowed_actions, policy.needs_human, policy.rules) == (tuple(ACTIONS), NEEDS_HUMAN, "正文")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("没有头", "YAML 头"),
        ("---\nname: x\n---\n", "description"),
        ("---\n- x\n---\n", "键: 值"),
        ("---\n: [\n---\n", "写错"),
        (HEAD + "```yaml\nallowed_actions: {global: [reboot]}\n```\n", "reboot"),
        (HEAD + "```yaml\nallowed_actions: {bogus: []}\n```\n", "分组"),
        (HEAD + "```yaml\nallowed_actions: [stop-ip]\n```\n", "分组"),
        (HEAD + "```yaml\nneeds_human: [approve_plan]\n```\n", "rollback-ip"),
        (HEAD + "```yaml\nforbidden: everything\n```\n", "forbidden"),
        (HEAD + "x" * 300_000, "上限"),
    ],
)
def test_damaged_policy_is_refused(tmp_path: Path, text: str, match: str) -> None:
    """缺头、缺字段、与动作表不一致、少了人审项的规程都拒绝。"""
    path = tmp_path / "SKILL.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=match):
        load_skill_policy(path)


def test_unreadable_policy_is_refused(tmp_path: Path) -> None:
    """读不了、不是 UTF-8 的规程都拒绝。"""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("absent", "binary"):
        with pytest.raises(InvalidInputError, match=name):
            load_skill_policy(tmp_path / name)
