"""脚本契约页面：退出码、每个动作的输入与应答、配置文件的键，都从代码读出。"""

from typing import Final

from pam_deploy_graph.constants import ACTIONS, ActionSpec, ScriptExit
from pam_deploy_graph.inputs.parameters import DeployParams
from pam_deploy_graph.protocol.outcome import ADVICE, NOTHING_DONE
from pam_deploy_graph.script_runner.runner import INHERITED, child_env
from tools.pages import HEADER, code, table

_MEANING: Final = {
    ScriptExit.DONE: "做完了",
    ScriptExit.USAGE: "用法不对",
    ScriptExit.CONFIG: "配置不对",
    ScriptExit.UNAUTHORISED: "没有令牌，或令牌没有权限",
    ScriptExit.NETWORK: "网络",
    ScriptExit.REFUSED: "PAM 拒绝",
    ScriptExit.TIMEOUT: "到了时限",
}
_UNKNOWN: Final = {
    ScriptExit.NETWORK: "没有说 `SENT=no` 就算未知",
    ScriptExit.REFUSED: "说了 `SENT=maybe` 才算未知",
    ScriptExit.TIMEOUT: "算未知",
}
_INTRO: Final = """
脚本后端把每个动作变成一次调用。参考入口是 [pam_action.sh](../doc_scripts/pam_action.sh)，怎样改它见
[接上真的 PAM](connect-pam.md)。

```text
入口 ACTION --config FILE [--ip IP] [--hash-code H] [--stop-first] [--idempotency-key K] [--trace-file F]
```

- 参数是一列 argv，从不经过 shell。没有执行权限的 `.sh` 由 bash 启动。
- 标准输出：`KEY=VALUE` 行，键是大写字母、数字、下划线；同一个键出现多次就是列表；别的行忽略。标准错误写给人看。
- 失败的原因是最后一行 `ERROR=`；没有就取标准错误的末尾。
- `SENT=no` 表示请求肯定没有送达，`SENT=maybe` 表示可能已经送达。`RETRY_AFTER=<秒>` 表示请过一会儿再来。
- 令牌只在环境变量 `PAM_TOKEN` 里。其余环境只有固定的 {fixed}，以及本来就有时照传的
  {inherited}、`LD_LIBRARY_PATH`。
- 入口自成一个进程组：到了时限先 TERM 全组，1 秒后 KILL；留下的子进程一律结束。
- 幂等键是 `<run_id>.<nonce>:<ip 或 ->:<action>:<attempt>`（`nonce` 登记时随机取，8 位十六进制）：
  同一个键再来一次，必须答第一次的结果，什么也不再做。
  `query-ip` 的 `LAST_KEY` 必须是这台工作站最近一次生效的键：结果未知时，答的正是那个键就算做成了，
  答别的就算没有做，用同一个键再做一次；答不出来就是 `IN_DOUBT`。
"""


def render() -> str:
    """返回整页 Markdown。"""
    return "\n".join(
        [
            HEADER,
            "# 脚本契约\n" + _INTRO.format(fixed=code([*child_env({}, "")]), inherited=code(INHERITED)),
            "## 退出码\n",
            "「结果未知」只对会改变外界的动作而言：先向工作站查证（`query-ip`），查不清就是 `IN_DOUBT`，停下来问人。\n",
            table(["退出码", "含义", "结果未知吗", "给操作员的建议"], [_exit(each) for each in ScriptExit]),
            "别的退出码、被信号结束、输出超过上限、到时限没有结束：都算失败，会改变外界的动作算结果未知。\n",
            "## 动作\n",
            "选项 `--config` 与 `--trace-file` 每个动作都有。成功而缺了「必带」的键，按失败处理。\n",
            table(["动作", "另有的选项", "必带的键", "可带的键", "会改变外界"], [_action(a) for a in ACTIONS.values()]),
            "## 配置文件\n",
            f"`KEY=VALUE`，一行一个，权限 0600，只解析、从不 source。键：{code([*DeployParams.model_fields])}，",
            "以及 `RUN_ID`、`LOG_DIR`（日志写到这个目录）、`NODE_URL`（问到之后才有；没有时脚本自己问 HOME）。",
        ]
    )


def _exit(each: ScriptExit) -> list[str]:
    """一个退出码。"""
    unknown = _UNKNOWN.get(each, "不" if each in NOTHING_DONE or not each else "")
    return [str(int(each)), _MEANING[each], unknown, ADVICE.get(each, "")]


def _action(spec: ActionSpec) -> list[str]:
    """一个动作。"""
    options = [f"--{name.replace('_', '-')}" for name in spec.needs]
    options += ["--idempotency-key"] if spec.changes else []
    return [f"`{spec.name}`", code(options), code(spec.gives), code(spec.may_give), "是" if spec.changes else ""]
