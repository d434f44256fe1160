"""MCP 契约页面：工具表从 ``mcp_node.tools`` 读出，约定的名字与限度从 ``mcp_runner.dialect`` 读出。"""

from typing import Any, Final

from pam_deploy_graph.mcp_node.tools import TOOLS, NodeTool
from pam_deploy_graph.mcp_runner.conventions import (
    ERROR_KEY,
    EXIT_CODE_KEY,
    IN_DOUBT_KEY,
    MAX_ANSWER_BYTES,
    MAX_LOG_BYTES,
    MCP_PATH,
    TIME_LIMIT_META,
)
from pam_deploy_graph.mcp_runner.tool_check import essential
from pam_deploy_graph.protocol.outcome import RETRY_AFTER_KEY
from tools.pages import HEADER, code, table

_INTRO: Final = f"""
NODE 一侧的动作经 MCP 去做：官方 `mcp` SDK，streamable HTTP（自带的服务听在 `{MCP_PATH}`）；
stdio 由 `PAM_MCP_COMMAND`（嵌入的程序用 `McpActionRunner(command=…)`）起：每次运行一个子进程，在根目录里，
环境只带少数几个，加上 `PAM_TOKEN`；它死了，原因里有退出码与它在标准错误上最后说的几行。
整条命令的 SHA-256 在批准的摘要里。
自带的服务是 `python -m pam_deploy_graph mcp-node --node-url URL`；换成自己的服务，照这一页做就行，
怎样验证见 [接上真的 PAM](connect-pam.md#自己的-mcp-服务)。

## 工具

名字是动作名，`-` 换成 `_`；一个都不能少，多出来的不管。输入都是文本，`stop_first` 是真假值。
「必收」的输入，服务不收就不用它；其余的服务收才给，`airport` 给出时服务要核对自己属于那个机场。
"""
_RULES: Final = f"""
## 应答

- 成功：`structuredContent` 带齐「必带」的键；缺了、写错了类型，做没做不知道（会改变外界的动作）。
- `download_log`：日志本身放在文本内容里，`LOG_FILE` 只是建议的文件名，文件由本程序写。
- 失败：`isError`，文本内容是原因。`structuredContent` 带这几个键：`{ERROR_KEY}`（原因），
  `{EXIT_CODE_KEY}`（2 到 8，含义同[脚本的退出码](script.md#退出码)），`{IN_DOUBT_KEY}`（`true` 表示做没做不知道），
  `{RETRY_AFTER_KEY}`（过多少秒再来）。只给了 `{ERROR_KEY}`，或文本是 `ERROR=` 行、带 `error` 的 JSON，算被拒绝；
  什么都没有给（例如只是抛了异常），做没做不知道。
- JSON-RPC 错误 -32700、-32600、-32601、-32602 算肯定没有做；别的错误、连接断了、没有在时限内答复，
  做没做不知道，要先查证。HTTP 的状态照[同一张表](script.md#退出码)。
- 服务与客户端只判断，从不自己重发；会话没有了（404，带着 JSON-RPC 的错误，请求没有处理）才重开一个再送。
- 同一个 `idempotency_key` 再来一次，必须答第一次的结果；`query_ip` 的 `LAST_KEY` 必须是这个模块最近一次生效的键。
  做没做不知道时，答的正是那个键就算做成了，答的是这次尝试之前的那个就用同一个键再做一次；答的是别的，或者答不出来，
  就是 `IN_DOUBT`，停下来问人。

## 时限、大小与令牌

- 连接与调用合用一个时限；每次调用的 `_meta["{TIME_LIMIT_META}"]` 是剩下的秒数，服务可以照它限制自己。
- 一个应答最多 {MAX_ANSWER_BYTES} 字节，一份日志最多 {MAX_LOG_BYTES} 字节。
- HTTP：`Authorization: Bearer <PAM_TOKEN>`。stdio：令牌在服务的环境变量 `PAM_TOKEN` 里。
- 工具的名字与 schema 在批准计划时记下指纹；批准之后变了就不再动手，要另开一次运行。
- MCP 不通时 NODE 的动作不会改走别的路。
"""


def render() -> str:
    """返回整页 Markdown。"""
    head = ["工具", "输入（必收的加粗）", "必带的键", "注解"]
    rows = [_tool(tool) for tool in TOOLS.values()]
    return "\n".join([HEADER, f"# MCP 契约\n{_INTRO}", table(head, rows), _RULES.strip()])


def _tool(tool: NodeTool) -> list[str]:
    """一个工具。"""
    described = tool.describe()
    wanted = essential(tool.spec)
    inputs = [f"**`{name}`**" if name in wanted else f"`{name}`" for name in described.inputSchema["properties"]]
    outputs: dict[str, Any] = (described.outputSchema or {})["properties"]
    keys = [f"{name}（{_kind(schema)}）" for name, schema in outputs.items()]
    return [f"`{described.name}`", "、".join(inputs), "、".join(keys), code(_hints(described.annotations))]


def _kind(schema: dict[str, Any]) -> str:
    """一个键的 JSON 类型。"""
    kinds = [each["type"] for each in schema.get("anyOf", [schema])]
    shown = {"string": "文本", "boolean": "真假", "array": "文本的列表", "null": "空"}
    return "或".join(shown[each] for each in kinds)


def _hints(annotations: Any) -> list[str]:
    """真的注解。"""
    return [name for name in ("readOnlyHint", "destructiveHint", "idempotentHint") if getattr(annotations, name)]
