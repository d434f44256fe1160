"""宿主页面：流里有什么，宿主断了、取消了、回到从前之后怎样；键取自代码，各幕取自测试照着试的那一份。"""

from typing import Any, Final

from pydantic import TypeAdapter

from pam_deploy_graph.graph.progress import HostEvent
from tools.hosts.scenes import FORKS, MOMENTS, SCENES, Scene
from tools.pages import HEADER, table

_STREAM: Final = """
`stream_mode="custom"` 里每个账本事件一条，次序与账本相同，秘密已经遮过。
从流上断开不影响账本：回来之后看状态，或说「到哪了」。
"""
_SPOKEN: Final = """
聊天界面不必认得这些：推出中的进度也是一条 AI 消息，`id` 是 `pam-progress-<运行名>`，
在状态（`values`）里每一步更新一次，始终是同一条：`运行 …：14/40 · 失败 1 · 停用 0`。
一步从 5 秒起，等进行中的做完为止。它不在 `messages` 流里反复说：聊天界面会把同一个 `id` 的接在后面，不是换掉。
"""
_HOSTS: Final = f"""
`make test-studio` 在真的 `langgraph dev` 上逐幕试：三台工作站，第一台刚做完的时候。
每一幕之后，每台每个动作恰好一次，模块没有被占着，下一句话说的是账本里的事。
取消另在批准之后有了 {"、".join(str(each) for each in MOMENTS)} 个效果的各个时刻试过，结果相同；
批准还没有送到就取消了的，计划的问题还开着。
"""
_FORKS: Final = """
## 回到从前

fork、re-run from here（Agent Chat UI 的 Regenerate）：从哪个节点之前再来，先读的都是账本。
了结了的说结果，什么也不动（从 `params` 之前再来的，另提一份计划等人批准）；做了一半的不另起一次，已经做过的不再做：
"""


def render() -> str:
    """返回整页 Markdown。"""
    return "\n".join(
        [
            HEADER,
            "# 宿主：流、打断、取消、回到从前\n",
            f"## 流里的一条\n{_STREAM}",
            table(["键", "类型", "说明"], _keys()),
            _SPOKEN,
            f"## 宿主断了、取消了\n{_HOSTS}",
            table(["发生了什么", "设置", "推出", "下一句话"], [_row(scene) for scene in SCENES]),
            _FORKS,
            table(["从哪个节点之前", "做了一半的"], [[f"`{name}`", then] for name, then in FORKS.items()]),
        ]
    )


_ABOUT: Final = {
    "type": "总是 `pam.event`",
    "run_id": "哪次运行",
    "done": "成功了的台数，含之后退回的",
    "failed": "失败或结果未知的台数",
    "targets": "一共要做几台",
    "out_of_service": "模块此刻不在运行的台数",
    "event": "账本事件，`type` 与其余的键见[账本与事件](ledger.md)；多一个 `at`（毫秒）",
}


def _keys() -> list[list[str]]:
    """一条里的键。"""
    found: dict[str, Any] = TypeAdapter(HostEvent).json_schema()["properties"]
    return [
        [f"`{name}`", str(found[name].get("type", "")), _ABOUT[name]] for name in sorted(found, key=[*_ABOUT].index)
    ]


def _row(scene: Scene) -> list[str]:
    """一幕写成一行。"""
    then = ("已中断，进行中的做完为止", "说走到哪里；说「继续」做完") if scene.stops else ("自己做完", "说结果")
    return [scene.what, scene.setting, *then]
