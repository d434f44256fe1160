"""失败的解释：读工作站的日志，挑出说明原因的几行，附上出处（纯规则，离线可用）。

日志是数据：只引用、只显示，截短并去掉控制字符，不影响任何决定。每条引文都逐字来自文件。
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system.safe_text import printable

Lines = list[tuple[int, str]]
"""几行，各带行号。"""
_TAIL_BYTES: Final = 64 * 1024
_MOST_QUOTES: Final = 3
PLACEHOLDER: Final = "‹IP›"
_STAMP: Final = re.compile(r"[\[<(]?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?\s?(Z|[+-]\d\d:?\d\d)?")
_QUOTE_LENGTH: Final = 200
_SUSPICIOUS: Final = re.compile(
    r"(?i)error|fail|fatal|exception|refused|denied|time(d )?out|no space|失败|错误|异常|拒绝|超时|不符|改动"
)
_CAUSES: Final = (
    (r"(?i)no space|空间不足|磁盘.*满", msgid("磁盘空间不足")),
    (r"(?i)denied|权限|permission", msgid("权限不足")),
    (r"(?i)address already in use|端口.*占用", msgid("端口被占用")),
    (r"(?i)hash|哈希|改动|altered", msgid("发布目录的内容与安装包不一致")),
    (r"(?i)time(d )?out|超时", msgid("操作超时")),
    (r"(?i)refused|unreachable|连接|不在线|离线|联系不上|offline", msgid("连不上工作站或它的服务")),
    (r"(?i)version|版本", msgid("版本不符")),
    (r"(?i)probe|health|探测|健康", msgid("启动后健康探测不通过")),
    (r"(?i)verify|验证|校验", msgid("部署之后的验证没有通过")),
)


def diagnose(
    workstation: Mapping[str, Any], base: Path, folder: Path, kept: Callable[[], Lines] = list
) -> dict[str, Any]:
    """解释一台工作站为什么失败；只引这次运行在它上面开工之后写下的行，看不出何时写的不引。

    Args:
        workstation: 它的状态（``failure_reason``、``log_file``，何时开工 ``began``，不知道为 0）。
        base: 相对路径的日志从哪个目录算起。
        folder: 这次运行的日志目录；路径是对方说的，不在这里面的一律不读。
        kept: 本机没有这份日志的，别处留着的那一份。

    Returns:
        ``{"summary": 一句话, "evidence": [{"file", "line", "quote"}]}``；没有日志时证据为空。

    """
    began = int(workstation.get("began") or 0)
    evidence = _evidence(str(workstation.get("log_file") or ""), base, folder, began, kept)
    text = "\n".join([str(workstation.get("failure_reason") or ""), *(item["quote"] for item in evidence)])
    cause = next((tr(cause) for pattern, cause in _CAUSES if re.search(pattern, text)), tr("原因不明，请看日志"))
    return {"summary": cause, "evidence": evidence}


def same_cause(questions: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """把原因相同的工作站归在一起，多的在前。

    Returns:
        ``(原因, 这些工作站)``；原因里的地址与数字已抹平，所以「同一个毛病」才会归到一起。

    """
    groups: dict[str, list[str]] = {}
    for question in questions:
        groups.setdefault(cause_of(str(question["ip"]), question), []).append(str(question["ip"]))
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def cause_of(ip: str, workstation: Mapping[str, Any]) -> str:
    """返回抹平了地址与数字的原因，用来判断是不是同一个毛病。"""
    reason = without_ip(str(workstation["failure_reason"]), ip)
    return f"{workstation['failed_stage']}: {re.sub(r'[0-9]+', '#', reason)}"


def without_ip(text: str, ip: str) -> str:
    """把文字里这台自己的地址换成占位，好让同样的原因并成一组。"""
    digits = r"[0-9A-Fa-f:]" if ":" in ip else r"[0-9]"
    return re.sub(rf"(?<!{digits}){re.escape(ip)}(?!{digits}|\.[0-9])", PLACEHOLDER, text)


def _since(lines: Iterable[tuple[int, str]], began: int) -> Iterator[tuple[int, str]]:
    """``began``（Unix 毫秒）之后写下的行；没有写时刻的行与上一行同时，一直没有写的看不出，不算。"""
    written = 0
    for number, line in lines:
        if stamp := _STAMP.match(line):
            written = _moment(stamp)
        if not began or (written and written >= began // 1000):
            yield number, line


def _moment(stamp: re.Match[str]) -> int:
    """一行开头的时刻，Unix 秒；没有写时区的当作本机的，不成时刻的为 0。"""
    try:
        return int(datetime.fromisoformat("T".join(stamp.group(1, 2)) + (stamp[3] or "")).timestamp())
    except ValueError:
        return 0


def _evidence(log_file: str, base: Path, folder: Path, began: int, kept: Callable[[], Lines]) -> list[dict[str, Any]]:
    """日志里 ``began`` 之后最后几条可疑的行，连同行号。"""
    path = (base / log_file).resolve()
    here = path.is_relative_to((base / folder).resolve()) and path.is_file()
    try:
        lines = tail_of(path) if here else kept() if log_file else []
    except OSError:
        return []
    found = [
        {"file": log_file, "line": number, "quote": printable(line).strip()[:_QUOTE_LENGTH]}
        for number, line in _since(lines, began)
        if _SUSPICIOUS.search(line)
    ]
    return found[-_MOST_QUOTES:]


def tail_of(path: Path) -> Lines:
    """文件末尾的行与行号；很大的文件只读末尾，行号照样从头数。"""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _TAIL_BYTES)
        file.seek(0)
        skipped = sum(file.read(min(1 << 20, start - at)).count(b"\n") for at in range(0, start, 1 << 20))
        file.seek(start)
        text = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    lines = list(enumerate(text.splitlines(), skipped + 1))
    return lines[1:] if start else lines
