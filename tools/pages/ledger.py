"""账本页面：事件与字段、表与列、哈希链，都从代码读出。"""

from typing import Final

from pam_deploy_graph.cli.progress import QUIET
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION, metadata
from tools.pages import HEADER, code, table
from tools.pages.event_types import EVENTS, EventType, check

_COLUMNS: Final = {
    "ledger_meta": "表结构的版本，这份账本的身份",
    "runs": "每次运行一行：登记的输入、退出码与原因；没有退出码就是还没有结束",
    "events": "只增不改；一行一次持久写入，`body` 是同时发生的事件（JSON 数组），`link` 与上一行相连",
    "leases": "谁正在做；`fence` 只增不减，过期的持有者一行也写不进去",
    "module_locks": "同一机场的同一模块同时只有一次推出",
    "decisions": "人的决定与取消；同一个问题（`subject`、`digest`）只有第一个作数；每次运行自成一条链，"
    "`head_seq`、`head_link` 是作决定时看到的运行写到了哪一行",
    "kept_files": "工作站日志与调用轨迹的末尾，压缩过；只有 PostgreSQL 的账本用它，不在链上，删了不妨碍什么",
}
_INTRO: Final = f"""
对外界做过什么，都记在账本里：默认是 `runtime/pam.db`（SQLite，WAL，`synchronous=FULL`），
也可以是 PostgreSQL（`PAM_STORE_URL`）。状态、进度、报告与恢复都由事件折叠得出，别的进程随时能看。
里面没有令牌。为什么要有它，见[设计决定](adr/0001-two-records.md)。

不要手改：每行的 `link` 是 SHA-256（上一行的 `link`、行号、时间、内容）的前 16 字节，改了或缺了一行，
下次读到那里就报「账本 … 里第 … 次运行的第 … 行已损坏」，那次运行不再继续。
备份与恢复的步骤在[值班手册](handbook.md#备份与恢复)。

## 怎样看

- `status RUN_ID`、`report RUN_ID --format json`：其中的 `events` 就是下面这些，
  只给恢复用的 `INTENT` 除外。
- `run --json` 与 `resume --json`：途中一行一个事件到标准输出，不含 {code(sorted(QUIET))}；
  停下时另有 `QUESTION`（在问什么），最后一行是 `WAITING`（在等人）或 `ENDED`，带 `run_id` 与 `exit_code`。
  `demo --json` 之后还有一行 `LAB_CHECKED`：报告与试验场的真相核对的结果。
- `PAM_LOG_JSON=1`：每个事件一行 JSON 到标准错误，供日志系统收。

## 事件

每个事件都有 `type` 与 `at`（Unix 毫秒）。有 `ip` 的说的是那一台，没有的是全局的；斜体的字段可有可无。
"""


def render() -> str:
    """返回整页 Markdown。

    Raises:
        ValueError: 事件与源码不一致。

    """
    check()
    rows = [[f"`{name}`", kind.when, _fields(kind)] for name, kind in EVENTS.items()]
    tables = [
        [f"`{name}`", _COLUMNS[name], code([column.name for column in each.columns])]
        for name, each in metadata.tables.items()
    ]
    return "\n".join(
        [
            HEADER,
            f"# 账本与事件\n{_INTRO}",
            table(["类型", "何时", "字段"], rows),
            (
                f"## 表\n\n表结构的版本是 {SCHEMA_VERSION}；SQLite 与 PostgreSQL 相同。"
                "时间都是 Unix 毫秒：事件的是本机的，`leases.expires_at` 是数据库的。\n"
            ),
            table(["表", "是什么", "列"], tables),
        ]
    )


def _fields(kind: EventType) -> str:
    """一种事件的字段。"""
    return "、".join([*(f"`{name}`" for name in kind.fields), *(f"*`{name}`*" for name in kind.may)])
