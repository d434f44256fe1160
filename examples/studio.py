"""起试验场和 ``langgraph dev``，经 SDK 走完整段对话，逐步打印（``make studio``）。需要附加依赖 ``studio``。"""

from typing import Any

from examples.dev_server import DevServer
from examples.stage import FAILING, REQUEST, Stage, open_stage
from pam_deploy_graph.graph.remote import Question, ServerThread

ANSWERS = {
    "provide_params": "应用是 checkin",
    "approve_plan": {"decisions": [{"type": "approve"}]},
    "rollback-ip": {"decision": "approve", "operator": "值班员", "note": "先退回去"},
}


def walk(url: str, stage: Stage) -> list[tuple[Question, dict[str, Any]]]:
    """走完对话，返回每一步的问题与当时的状态；最后一步之后没有问题。"""
    steps = []
    with ServerThread(url) as thread:
        pending = thread.say(f"{REQUEST}，安装包 {stage.params['PACKAGE_PATH']}")
        while pending:
            question = pending[0]
            steps.append((question, thread.values()))
            _show(question)
            pending = thread.answer(question, ANSWERS[question.value["ask"]])
        values = thread.values()
    steps.append((Question("", {}), values))
    print(values["answer"])
    return steps


def _show(question: Question) -> None:
    """打印问题与将要给的回答。"""
    print(f"—— {question.value['ask']}")
    print(question.value["action_requests"][0]["description"])
    print(f">> {ANSWERS[question.value['ask']]}\n")


def main() -> None:
    """走完、核对、停下。"""
    with open_stage() as stage, DevServer(stage.home, stage.env) as server:
        print(f"开发服务器 {server.url}，试验场 {stage.lab.home_url}；{FAILING} 的校验会失败\n>> {REQUEST}\n")
        walk(server.url, stage)
        print("真的回滚过：", stage.rollbacks(), "真实的版本：", stage.versions())


if __name__ == "__main__":
    main()
