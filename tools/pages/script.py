"""脚本契约页面：退出码、每个动作的输入与应答、配置文件的键，都从代码读出。"""

from typing import Final

from pam_deploy_graph.constants import ACTIONS, ActionSpec, ScriptExit
from pam_deploy_graph.inputs.parameters import DeployParams
from pam_deploy_graph.protocol.outcome import ADVICE, BUSY, REFUSING, UNAUTHORISED, Outcome, outcome_of
from pam_deploy_graph.report.code_words import EXIT_MEANINGS
from pam_deploy_graph.script_runner.runner import INHERITED, child_env
from tools.pages import HEADER, code, table

OUTCOMES: Final = {
    Outcome.DONE: "做了",
    Outcome.REFUSED: "被拒绝，什么也没有发生",
    Outcome.NOT_TAKEN: "没有收下：以同一个键再送",
    Outcome.UNKNOWN: "不知道：先查证",
}
_INTRO: Final = """
脚本后端把每个动作变成一次调用。参考入口是 [pam_action.sh](../doc_scripts/pam_action.sh)，怎样改它见
[接上真的 PAM](connect-pam.md)。

```text
入口 ACTION --config FILE [--ip IP] [--hash-code H] [--stop-first] [--to-version V]
     [--idempotency-key K] [--trace-file F]
```

- 参数是一列 argv，从不经过 shell。没有执行权限的 `.sh` 由 bash 启动。
- 标准输出：`KEY=VALUE` 行，键是大写字母、数字、下划线；同一个键出现多次就是列表；别的行忽略。标准错误写给人看。
- 失败的原因是最后一行 `ERROR=`；没有就取标准错误的末尾。
- `RETRY_AFTER=<秒>` 表示 PAM 要求过一会儿再来。脚本只判断，从不自己重发。
- 令牌只在环境变量 `PAM_TOKEN` 里。其余环境只有固定的 {fixed}，以及本来就有时照传的
  {inherited}、`LD_LIBRARY_PATH`。
- 入口自成一个进程组：到了时限先 TERM 全组，1 秒后 KILL；留下的子进程一律结束。
- 幂等键是 `<run_id>.<nonce>:<ip 或 ->:<action>:<attempt>`（`nonce` 登记时随机取，8 位十六进制）：
  同一个键再来一次，必须答第一次的结果，什么也不再做。
  `query-ip` 的 `LAST_KEY` 必须是这个模块最近一次生效的键：结果未知时，答的正是那个键就算做成了，
  答的是这次尝试之前的那个就算没有做，用同一个键再做一次；答的是别的，或者答不出来，就是 `IN_DOUBT`。
- `rollback-ip`：给了 `--to-version` 就退回那个版本，没给就退回这次运行（键里第一个冒号之前的部分）头一次动它之前的
  版本；它就是当前版本的，什么也不装，停着的启动；退不回去的在停下任何东西之前拒绝（退出码 6），说出现在有什么。
- `query-ip`：工作站离线的，`ONLINE=false`，`RUNNING` 与 `VERSION` 空着，意思是不知道；
  在线而 `VERSION` 空着，是没有安装。
"""


def render() -> str:
    """返回整页 Markdown。"""
    return "\n".join(
        [
            HEADER,
            "# 脚本契约\n" + _INTRO.format(fixed=code([*child_env({}, "")]), inherited=code(INHERITED)),
            "## 退出码\n",
            "「不知道」的先向工作站查证（`query-ip`），查不清就是 `IN_DOUBT`，停下来问人；只查不改的再问一次。\n",
            table(["退出码", "含义", "做没做", "给操作员的建议"], [_exit(each) for each in ScriptExit]),
            "别的退出码、被信号结束、输出超过上限、到时限没有结束、退出码 0 而欠着「必带」的键：都是不知道。\n",
            "PAM 的应答怎样归到退出码（参考入口、MCP 服务、MCP 客户端同一张表）：\n",
            table(["PAM 的应答", "退出码"], _answers()),
            "## 动作\n",
            "选项 `--config` 与 `--trace-file` 每个动作都有。成功而缺了「必带」的键，不算成功。\n",
            table(["动作", "另有的选项", "必带的键", "可带的键", "会改变外界"], [_action(a) for a in ACTIONS.values()]),
            "## 配置文件\n",
            f"`KEY=VALUE`，一行一个，权限 0600，只解析、从不 source。键：{code([*DeployParams.model_fields])}，",
            "以及 `RUN_ID`、`LOG_DIR`（日志写到这个目录）、`NODE_URL`（问到之后才有；没有时脚本自己问 HOME）。",
        ]
    )


def _exit(each: ScriptExit) -> list[str]:
    """一个退出码。"""
    return [str(int(each)), EXIT_MEANINGS[each], OUTCOMES[outcome_of(each)], ADVICE.get(each, "")]


def _answers() -> list[list[str]]:
    """各种应答的退出码。"""

    def states(group: frozenset[int]) -> str:
        """几个状态。"""
        return "、".join(map(str, sorted(group)))

    own = "，带着 PAM 自己的错误（JSON 的 `error`，或 `ERROR=` 行）"
    return [
        ["2xx，带齐「必带」的键", str(int(ScriptExit.DONE))],
        [states(UNAUTHORISED) + own, str(int(ScriptExit.UNAUTHORISED))],
        [f"{states(BUSY)}；请求没有送出（连不上、解析不了名字）", str(int(ScriptExit.NOT_TAKEN))],
        [states(REFUSING) + own, str(int(ScriptExit.REFUSED))],
        ["送出之后没有在时限内答复", str(int(ScriptExit.TIMEOUT))],
        [
            "其余一切：别的状态（422 也是）、代理的页面、空的、断了的、读不懂的、欠着键的应答",
            str(int(ScriptExit.UNKNOWN)),
        ],
    ]


def _action(spec: ActionSpec) -> list[str]:
    """一个动作。"""
    options = [f"--{name.replace('_', '-')}" for name in (*spec.needs, *spec.may_need)]
    options += ["--idempotency-key"] if spec.changes else []
    return [f"`{spec.name}`", code(options), code(spec.gives), code(spec.may_give), "是" if spec.changes else ""]
