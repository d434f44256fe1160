"""在测试里使用命令行：每个命令是一个真实的进程，收下它的退出码、标准输出与标准错误。"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.patience import patience

ROOT = Path(__file__).resolve().parents[2]
MODULE = "pam_deploy_graph"
WAIT_SECONDS = 50.0
_LIMITED = (
    "import resource, sys; sys.dont_write_bytecode = True; room = int(sys.argv.pop(1))\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))\n"
    "from pam_deploy_graph.cli.app import main; sys.exit(main())"
)


@dataclass(frozen=True)
class Done:
    """一个命令的结局。"""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """标准输出整个是一个 JSON 值。"""
        return json.loads(self.out)

    def events(self) -> list[dict[str, Any]]:
        """标准输出一行一个 JSON 对象。"""
        return [json.loads(line) for line in self.out.splitlines()]


class Job:
    """一个在跑的命令；``wait`` 收尾。"""

    def __init__(self, pid: int, status: IO[bytes], out: IO[bytes], err: IO[bytes]) -> None:
        """``status`` 在命令结束后给出一行退出码。"""
        self.pid = pid
        self._status, self._out, self._err = status, out, err

    def wait(self, seconds: float = WAIT_SECONDS) -> Done:
        """等它结束；被信号杀死的退出码是信号的相反数。"""
        if not select.select([self._status], [], [], patience(seconds))[0]:
            os.kill(self.pid, signal.SIGKILL)
            raise TimeoutError(f"命令在 {seconds} 秒内没有结束：{self.text()}")
        code = int(self._status.readline())
        done = Done(code, _read(self._out), _read(self._err))
        for file in (self._status, self._out, self._err):
            file.close()
        return done

    def ended(self) -> bool:
        """结束了没有。"""
        return bool(select.select([self._status], [], [], 0)[0])

    def text(self) -> str:
        """到此刻为止的标准输出与标准错误。"""
        return _read(self._out) + _read(self._err)

    def kill(self) -> Done:
        """kill -9，返回结局。"""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """像终端里的 Ctrl-C 那样给整个前台进程组发信号。"""
        os.killpg(self.pid, number)


class Zygote:
    """母进程的这一头；见 ``tests.cli.zygote``。"""

    def __init__(self) -> None:
        """启动母进程。"""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [sys.executable, "-m", "tests.cli.zygote", str(theirs.fileno())]
            self._process = subprocess.Popen(argv, cwd=ROOT, pass_fds=[theirs.fileno()])

    def start(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, tty: int | None = None) -> Job:
        """分出一个进程，运行模块 ``argv[0]``（或 ``.py`` 脚本）；``tty`` 给出时三个标准流都是它。"""
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 —— 交给 Job 关闭
        reader, writer = os.pipe()
        request = json.dumps({"argv": list(argv), "env": dict(env), "cwd": str(cwd)}).encode()
        with Path(os.devnull).open("rb") as nothing:
            files = [nothing.fileno(), out.fileno(), err.fileno()] if tty is None else [tty] * 3
            socket.send_fds(self._socket, [request], [*files, writer])
        os.close(writer)
        status = os.fdopen(reader, "rb", buffering=0)
        return Job(int(status.readline()), status, out, err)

    def close(self) -> None:
        """关掉母进程。"""
        self._socket.close()
        self._process.wait(patience(10))


class Pam:
    """一个工作目录里的命令行；``env`` 是命令的全部环境，``cwd`` 是当前目录。"""

    def __init__(self, zygote: Zygote, folder: Path, env: Mapping[str, str]) -> None:
        """``folder`` 既是当前目录，又放安装包；``--home`` 在它下面的 ``home``。"""
        self.folder = folder
        self.home = folder / "home"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env}
        self._zygote = zygote

    def within(self, name: str) -> "Pam":
        """下一级目录里的另一处；空串就是这里。"""
        if not name:
            return self
        folder = self.folder / name
        folder.mkdir()
        return Pam(self._zygote, folder, self.env | {"HOME": str(folder)})

    def __call__(self, *args: object, **options: Any) -> Done:
        """运行一个命令到结束；选项同 ``start``。"""
        return self.start(*args, **options).wait()

    def on_a_small_disk(self, room: int, *args: object) -> Done:
        """运行一个命令，每个文件最多写到 ``room`` 字节，如同磁盘满了。"""
        argv = [sys.executable, "-c", _LIMITED, str(room), *map(str, args), "--home", str(self.home)]
        done = subprocess.run(argv, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def start(
        self,
        *args: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        home: object = None,
        tty: int | None = None,
    ) -> Job:
        """开始一个命令；带工作目录的命令自动加上 ``--home``，``home`` 给出时用它。"""
        argv = [str(arg) for arg in args]
        if argv[0] not in ("analyze", "preview"):
            argv += ["--home", str(home or self.home)]
        return self.job([MODULE, *argv], env=env, cwd=cwd, tty=tty)

    def job(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        tty: int | None = None,
    ) -> Job:
        """开始一个模块或 ``.py`` 脚本。"""
        return self._zygote.start(argv, env=self.env | dict(env or {}), cwd=cwd or self.folder, tty=tty)

    def files(self) -> Iterator[Path]:
        """工作目录下的每个文件。"""
        return (path for path in self.home.rglob("*") if path.is_file())


def _read(file: IO[bytes]) -> str:
    """一个输出文件的全部内容。"""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()
