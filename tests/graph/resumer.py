"""另一个进程：打开同一个目录的检查点，回答几个会话里的问题。

``python resumer.py HOME AT ANSWERS``：``AT`` 是动手的 Unix 时刻（秒），``ANSWERS`` 是 ``{会话: 回答}`` 的 JSON。
输出 ``{会话: {"asked", "exit_code", "error"}}`` 的 JSON。
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from langgraph.types import Command

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.errors import PamError
from pam_deploy_graph.graph import build_graph


def main(home: Path, at: float, answers: dict[str, Any]) -> None:
    """逐个回答并输出结果。"""
    results = {}
    with open_saver(home / "runtime" / "checkpoints.sqlite") as saver:
        graph = build_graph(checkpointer=saver, home=home)
        time.sleep(max(0.0, at - time.time()))
        for thread, value in answers.items():
            results[thread] = _answer(graph, thread, value)
    sys.stdout.write(json.dumps(results))


def _answer(graph: Any, thread: str, value: Any) -> dict[str, Any]:
    """回答一个会话。"""
    config = {"configurable": {"thread_id": thread}}
    pending = [interrupt for task in graph.get_state(config).tasks for interrupt in task.interrupts]
    try:
        out = graph.invoke(Command(resume={pending[0].id: value} if pending else value), config)
    except PamError as error:
        return {"asked": None, "exit_code": None, "error": str(error)}
    asked = out["__interrupt__"][0].value["ask"] if "__interrupt__" in out else None
    return {"asked": asked, "exit_code": out.get("exit_code"), "error": ""}


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3]))
