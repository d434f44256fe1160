"""听成了什么，不论账目：话多了，账目自然不同。"""

from typing import Any

from pam_deploy_graph.llm import LlmClient, analyze_with_notes


def analyze_text(client: LlmClient, text: str) -> dict[str, Any]:
    """分析的意图、参数、计划、策略。"""
    return {name: value for name, value in analyze_with_notes(client, text)[0].items() if name != "spans"}
