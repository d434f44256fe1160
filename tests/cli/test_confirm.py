"""``confirm``：答的是给人看过的那一份；成批的各有结局；签名、策略与 ``audit``（contract 第 8 节）。"""

import json
import subprocess
from pathlib import Path

from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.system.account import current_operator
from tests.cli.site import Site


def test_a_plan_needs_the_digest_it_was_shown_with(site: Site) -> None:
    """没有终端时批准计划要说是哪一份：不给是 2，对不上的是 10，都没有记；给对了才记，写出批准的是什么。"""
    site.take(1)
    assert site.run().code == 10
    bare = site.pam("confirm", site.run_id, "--approve")
    assert (bare.code, "--digest" in bare.err) == (2, True)
    assert site.pam("confirm", site.run_id, "--approve", "--digest", "abc").code == 2
    stale = site.pam("confirm", site.run_id, "--approve", "--digest", "0123456789")
    assert (stale.code, "0123456789" in stale.err) == (10, True)
    assert site.report()["decisions"] == []
    code = site.status()["waiting"][0]["digest"][:12]
    assert f"--digest {code}" in site.pam("status", site.run_id).out
    done = site.pam("confirm", site.run_id, "--approve", "--digest", code, "--operator", "甲", "--json")
    assert (done.code, site.version in done.err) == (0, True)
    said = done.json()
    assert (said["subjects"], said["operator"], current_operator() in said["account"]) == (["plan"], "甲", True)
    (row,) = site.report()["decisions"]
    assert (row["operator"], row["account"], row["channel"]) == ("甲", said["account"], "cli")


def test_a_batch_has_an_outcome_for_each(site: Site) -> None:
    """成批的决定：别人先决定了的一台说出是谁，其余的照样记下，以 10 退出。"""
    first, second, third = site.take(3)
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run("--yes", "--ask-after", 9, "--max-parallel", 3).code == 10
    codes = {q["ip"]: q["digest"][:10] for q in site.status()["waiting"]}
    assert site.confirm("reject", "--ip", second, "--operator", "乙").code == 0
    shown = [part for code in codes.values() for part in ("--digest", code)]
    done = site.pam("confirm", site.run_id, "--approve", *shown, "--operator", "甲", "--json")
    assert (done.code, sorted(done.json()["subjects"])) == (10, [first, third])
    (refused,) = done.json()["refused"]
    assert second in refused
    assert "乙" in refused
    assert {row["subject"]: row["decision"] for row in site.report()["decisions"][1:]} == {
        second: "reject",
        first: "approve",
        third: "approve",
    }


def _people(site: Site, folder: Path, policy: str) -> dict[str, str]:
    """策略与账户文件；当前账号就是 alice。"""
    rules, people = folder / "policy.toml", folder / "people.json"
    rules.write_text(policy, encoding="utf-8")
    lead = {"lead": ["PEK"]}
    book = {"alice": Person(accounts=[current_operator()], roles=lead), "bob": Person(accounts=["bob"], roles=lead)}
    PeopleBook(people=book).save(people)
    return {"PAM_POLICY": str(rules), "PAM_PEOPLE": str(people)}


def test_approval_in_advance_does_not_stand_for_another_person(site: Site, tmp_path: Path) -> None:
    """策略要提出者以外的人批准：``--yes`` 不算，以 10 停下等人；自己批准不许，记下；计划写着策略。"""
    site.take(1)
    env = _people(site, tmp_path, '[[rule]]\napprove_plan = ["role:lead"]\nfour_eyes_from = 1\n')
    done = site.run("--yes", env=env)
    assert (done.code, "--yes 没有作数" in done.err, "PAM_POLICY" in done.err) == (10, True, True)
    own = site.pam("confirm", site.run_id, "--approve", *site.code(), env=env)
    assert (own.code, "提出者（alice）" in own.err) == (10, True)
    assert site.effects() == []
    (row,) = site.report()["decisions"]
    assert (row["subject"], row["role"].startswith("alice|lead|PAM_POLICY ")) == ("refused:plan", True)


def test_a_signed_approval_and_its_evidence(site: Site, tmp_path: Path) -> None:
    """签了名的批准照办；``audit verify`` 核对得过，导出的文件在别处也核对得过，改了一个字就以 12 说出来。"""
    site.take(1)
    env = _people(site, tmp_path, "[[rule]]\nsigned = true\n")
    env["PAM_AUDIT_ANCHOR"] = str(tmp_path / "anchors.log")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, capture_output=True)
    argv = ["pam_deploy_graph", "people", "key", "alice", f"{key}.pub"]
    assert site.pam.job(argv, env=env).wait().code == 0
    assert site.run(env=env).code == 10
    code = site.code()
    assert site.pam("confirm", site.run_id, "--approve", *code, env=env).code == 10
    assert site.pam("confirm", site.run_id, "--approve", *code, "--sign", key, env=env).code == 0
    assert site.pam("resume", site.run_id, env=env).code == 0
    (found,) = site.pam("audit", "verify", site.run_id, "--json", env=env).json()
    assert (found["ok"], found["signed"], found["anchors"] > 2) == (True, 1, True), found
    file = tmp_path / "evidence.json"
    assert site.pam("audit", "export", site.run_id, "--output", file, env=env).code == 0
    assert site.pam("audit", "verify", "--file", file, home=tmp_path / "elsewhere").code == 0
    data = json.loads(file.read_text(encoding="utf-8"))
    data["decisions"][-1]["note"] = "改过"
    file.write_text(json.dumps(data), encoding="utf-8")
    forged = site.pam("audit", "verify", "--file", file, home=tmp_path / "elsewhere")
    assert (forged.code, "签名不对" in forged.out) == (12, True), forged.out
