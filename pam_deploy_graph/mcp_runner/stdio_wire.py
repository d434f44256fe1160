"""stdio 的收发：把 MCP 服务当作子进程，一行一个消息。

没有用 SDK 的 ``stdio_client``：它读一行没有上限，一个不是 UTF-8 的字节就毁掉会话。
服务在根目录里起，绝不从碰巧站着的目录里取什么；它死了，就说出退出码与它最后说的话。
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from subprocess import PIPE
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault, too_big
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES
from pam_deploy_graph.mcp_runner.server_address import Target
from pam_deploy_graph.system.safe_text import masked, printable
from pam_deploy_graph.system.task_group import task_group

_LEAVE_SECONDS: Final = 1.0
_DIES_SECONDS: Final = 1.0
"""输出关了之后，等它死、等它说完。"""
_LAST_BYTES: Final = 4096
_LAST_LINES: Final = 3

Incoming = SessionMessage | Exception


@asynccontextmanager
async def stdio_streams(target: Target) -> AsyncIterator[tuple[Any, Any]]:
    """启动一个 stdio 服务并接上；离开时关它的输入，限时不走就杀掉整个进程组。

    Args:
        target: 服务；令牌经环境变量 ``PAM_TOKEN`` 交给它。

    Yields:
        给 ``ClientSession`` 的读、写两个流。

    Raises:
        McpFault: 命令启动不了。

    """
    process = await _start(target)
    to_session, from_server = anyio.create_memory_object_stream[Incoming](0)
    from_session, to_server = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with task_group() as group:
            last_words = _LastWords(process, target.token)
            group.start_soon(last_words.listen)
            group.start_soon(_read_lines, process.stdout, to_session, last_words)
            group.start_soon(_write_lines, to_server, process.stdin)
            yield from_server, from_session
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
        for stream in (to_session, from_server, from_session, to_server):
            stream.close()


async def _start(target: Target) -> Process:
    """启动服务，自成进程组，在根目录里。"""
    env = {**target.child_env, **({"PAM_TOKEN": target.token} if target.token else {})}
    try:
        return await anyio.open_process(
            target.command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd="/", env=env, start_new_session=True
        )
    except OSError as error:
        reason = tr("MCP 服务的命令 {command} 启动不了：{problem}", command=target.command[0], problem=error.strerror)
        raise McpFault(reason, ScriptExit.CONFIG) from None


class _LastWords:
    """服务怎样死的：退出码，与它在标准错误上最后说的几行。"""

    def __init__(self, process: Process, secret: str) -> None:
        """``secret`` 是要遮掉的令牌。"""
        self._process, self._secret = process, secret
        self._said = b""
        self._done = anyio.Event()

    async def listen(self) -> None:
        """一直听，只留末尾：没有人读，它写满了管道就停住了。"""
        assert self._process.stderr is not None  # noqa: S101  启动时要了管道
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for piece in self._process.stderr:
                self._said = (self._said + piece)[-_LAST_BYTES:]
        self._done.set()

    async def told(self) -> str:
        """它关了输出之后说明原因；稍等一等，好听完它的话。"""
        with anyio.move_on_after(_DIES_SECONDS):
            await self._process.wait()
            await self._done.wait()
        code = self._process.returncode
        how = (
            tr("关闭了输出")
            if code is None
            else tr("被信号 {code} 结束了", code=-code)
            if code < 0
            else tr("结束了，退出码 {code}", code=code)
        )
        text = masked(self._said.decode(errors="replace"), self._secret)
        lines = [printable(line).strip() for line in text.splitlines() if line.strip()][-_LAST_LINES:]
        return tr("MCP 服务的进程{how}", how=how) + (
            tr("；它最后说：{lines}", lines=" / ".join(lines)) if lines else ""
        )


async def _read_lines(
    source: ByteReceiveStream | None, sink: MemoryObjectSendStream[Incoming], last_words: _LastWords
) -> None:
    """逐行读出消息；坏行、过长、关闭都作为 ``McpFault`` 交给会话，由它决定怎么办。"""
    assert source is not None  # noqa: S101  启动时要了管道
    lines = BufferedByteReceiveStream(source)
    with sink, suppress(anyio.BrokenResourceError):
        while True:
            try:
                line = await lines.receive_until(b"\n", MAX_ANSWER_BYTES)
            except anyio.DelimiterNotFound:
                await sink.send(too_big())
                return
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                await sink.send(McpFault(await last_words.told(), ScriptExit.UNKNOWN))
                return
            if line.strip():
                await sink.send(_message(line))


def _message(line: bytes) -> Incoming:
    """读懂一行。"""
    try:
        return SessionMessage(JSONRPCMessage.model_validate_json(line))
    except ValidationError:
        return McpFault(tr("MCP 服务答了不是 JSON-RPC 的内容（{n} 字节）", n=len(line)), ScriptExit.UNKNOWN)


async def _write_lines(source: MemoryObjectReceiveStream[SessionMessage], sink: ByteSendStream | None) -> None:
    """逐行写出消息；对方不收了就停，读的那一边会说明原因。"""
    assert sink is not None  # noqa: S101  启动时要了管道
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for one in source:
            await sink.send(one.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")


async def _end(process: Process) -> None:
    """请它走，限时不走就杀掉；进程组里留下的一并杀掉。"""
    if process.stdin is not None:
        with suppress(anyio.BrokenResourceError, OSError):
            await process.stdin.aclose()
    with anyio.move_on_after(_LEAVE_SECONDS):
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.aclose()
