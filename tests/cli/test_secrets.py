"""秘密：令牌一个字节也不进文件、argv、标准输出与标准错误，失败的时候也不（faults「secrets」）。"""

import contextlib
import time
from pathlib import Path

import pytest

from tests.cli.program import Done, Job
from tests.cli.site import Site

WRONG = "canary-7f3a9c1e5b"


class Watch:
    """命令在跑的时候，不停地看每个进程的 argv。"""

    def __init__(self, secret: str) -> None:
        """``secret`` 是不许看见的。"""
        self._secret = secret.encode()
        self.leaked: set[bytes] = set()
        self.seen: set[bytes] = set()

    def follow(self, job: Job) -> Done:
        """看到命令结束为止。"""
        while Path(f"/proc/{job.pid}").exists():
            self._sample()
            time.sleep(0.003)
        return job.wait()

    def _sample(self) -> None:
        """看一遍。"""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                argv = path.read_bytes()
                self.seen.update(argv.split(b"\0"))
                if self._secret in argv:
                    self.leaked.add(argv)


def files_with(site: Site, secret: str) -> list[Path]:
    """工作目录下含有这个秘密的文件。"""
    return [path for path in site.pam.files() if secret.encode() in path.read_bytes()]


def test_a_rollout_with_failures(site: Site) -> None:
    """有失败、有回滚、有 kill -9 的一次运行：哪里都没有令牌。"""
    good, bad = site.take(2)
    site.lab.add_fault(f"{bad}:verify:fail")
    site.lab.add_fault(f"{good}:deploy:slow=0.5:1")
    token = site.lab.token
    watch = Watch(token)
    job = site.start("--yes", "--json")
    while not site.count("stop-ip", good):
        time.sleep(0.02)
    done = [job.kill()]
    done += [watch.follow(site.pam.start("resume", site.run_id))]
    done += [site.confirm("approve"), watch.follow(site.pam.start("resume", site.run_id))]
    done += [site.pam("report", site.run_id, "--format", kind) for kind in ("md", "json", "html")]
    done += [site.pam("status", site.run_id), site.pam("runs"), site.pam("doctor")]
    assert [one.code for one in done] == [-9, 10, 0, 11, 0, 0, 0, 0, 0, 0]
    assert [one for one in done if token in one.out + one.err] == []
    assert files_with(site, token) == []
    assert files_with(site, site.run_id), "查的不是这次运行的文件"
    assert watch.leaked == set()
    assert any(part.endswith(b"pam_action.sh") for part in watch.seen), "没有看到脚本在跑"
    sizes = [path.stat().st_size for path in site.pam.files()]
    where = f"{len(sizes)} 个文件 {sum(sizes) >> 10} KiB、{len(done)} 条命令的输出、{len(watch.seen)} 个 argv"
    print(f"令牌：{where} 里都没有")  # noqa: T201  数目要让人看见


@pytest.mark.parametrize(
    ("env", "params", "code"),
    [
        ({"PAM_TOKEN": WRONG}, {}, 12),
        ({"PAM_TOKEN": WRONG}, {"PAM_HOME_URL": "http://127.0.0.1:1", "REQUEST_TIMEOUT": "2"}, 12),
        ({"PAM_TOKEN": WRONG}, {"VERSION_NUMBER": "../x"}, 2),
        ({"PAM_TOKEN": "", "PAM_TOKEN_FILE": "token"}, {}, 12),
        ({}, {"PAM_TOKEN": WRONG}, 2),
    ],
    ids=["refused", "home-away", "bad-input", "from-a-file", "as-a-parameter"],
)
def test_failures(site: Site, env: dict[str, str], params: dict[str, str], code: int) -> None:
    """不成功的命令：令牌不在输出里，也不在文件里；当作参数给的不收，也不回显。"""
    (site.pam.folder / "token").write_text(WRONG + "\n")
    watch = Watch(WRONG)
    done = watch.follow(site.pam.start(*site.argv("--yes", **params), env=env))
    assert done.code == code
    checked = site.pam("doctor", env=env)
    assert checked.code == (2 if env else 0)
    assert WRONG not in done.out + done.err + checked.out + checked.err
    assert files_with(site, WRONG) == []
    assert watch.leaked == set()
