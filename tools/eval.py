"""量一量听懂了多少，写进 ``docs/eval.md``：意图、参数、危险（做了没有要求的事）、不必问而问的。

用法::

    python -m tools.eval             # 评估规则，重写 docs/eval.md；低于目标时退出码为 1
    python -m tools.eval --check     # 不写文件；文件与实际不符时退出码为 1
    python -m tools.eval --llm       # 另评设置里的模型（PAM_LLM_MODEL、OPENAI_BASE_URL），只打印
    python -m tools.eval FILE...     # 评估别的 JSONL 文件，只打印

标注怎样写、怎样打分见 ``tools/understanding.py``。
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pam_deploy_graph.llm import LlmClient, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.settings import Settings
from tools.source import PROJECT
from tools.understanding import AnswerScore, Score, evaluate, evaluate_answers, load, load_answers

DATA: Final = PROJECT / "tests" / "llm" / "data"
PAGE: Final = PROJECT / "docs" / "eval.md"
SETS: Final = {
    "dev": "开发集（照着它改规则）",
    "heldout": "留出集（写好规则之后才看）",
    "requests": "四类人写的请求（看过成绩之后并入开发集）",
}
ANSWERS: Final = "answers"
_GOALS: Final = "危险 0；意图正确率与参数 F1 不低于 0.97；不必问而问的不超过 5%"


def page(scores: dict[str, Score], answers: AnswerScore) -> str:
    """写出评估页。"""
    lines = [
        "# 听懂了多少",
        "",
        f"由 `python -m tools.eval` 生成。目标（在没有照着改过的话上）：{_GOALS}。",
        "这里评的是不联网的规则客户端；参数的值要与标注完全相同才算对，工作站按「点名的减去不要动的」来比。",
        "「危险」是会做没有要求的事：范围比说的大、机场或版本不对、限度丢了、否定的过去的问的当成了要做的。",
        "取消、换一种说法的继续，做之前总要人再说一遍，听错了不算在内；就地答了问的、什么也没有变的，算听对。",
        "",
        *table(scores),
        "",
        "## 回答",
        "",
        f"在计划与回滚的问题上的一句话：{answers.total} 句，听对 {answers.right} 句，危险 {len(answers.dangers)} 句。",
        "",
        "## 每一批第一次看时",
        "",
        "话是一批一批写的：先写话和标注，再看成绩，然后照着错处改规则（前 26 批并入了开发集）。下面是改之前的成绩，",
        (
            "最能说明没见过的话会怎样；越往后的批次越说明现在的规则，最后一批是现在的：一百句里还有三四句危险，"
            "多问的有 11%，目标没有达到。"
            "同一批的 200 句回答：听对 146，危险 3。"
        ),
        "",
        *_first_looks(),
        "",
        "## 各项参数",
        "",
        *_by_slot(scores["heldout"]),
        "",
        "## 没有答对的",
        "",
    ]
    misses = [f"- {name}：{miss}" for name, score in scores.items() for miss in [*score.dangers, *score.misses]]
    misses += [f"- 回答：{miss}" for miss in answers.misses]
    return "\n".join([*lines, *(line.replace("\n", "⏎") for line in misses), ""])


def table(scores: dict[str, Score]) -> list[str]:
    """各集的总表。"""
    head = "| 集 | 例数 | 意图正确率 | 查准率 | 查全率 | F1 | 危险 | 不必问而问 |"
    rows = [head, "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, score in scores.items():
        rates = " | ".join(f"{rate:.4f}" for rate in score.rates())
        rest = f"{len(score.dangers)} | {score.needless_share:.3f}"
        rows.append(f"| {SETS.get(name, name)} | {score.total} | {score.intent_accuracy:.4f} | {rates} | {rest} |")
    return rows


def _first_looks() -> list[str]:
    """各批第一次看时的成绩。"""
    rows = ["| 批次 | 例数 | 意图正确率 | 参数 F1 | 危险 |", "| --- | --- | --- | --- | --- |"]
    for line in (DATA / "first_look.jsonl").read_text(encoding="utf-8").splitlines():
        look = json.loads(line)
        danger = look.get("danger", "—")
        rows.append(f"| {look['batch']} | {look['cases']} | {look['intent']:.4f} | {look['f1']:.4f} | {danger} |")
    return rows


def _by_slot(score: Score) -> list[str]:
    """逐个参数的成绩。"""
    rows = ["| 参数 | 出现次数 | 查准率 | 查全率 | F1 |", "| --- | --- | --- | --- | --- |"]
    for name in sorted({*score.hit, *score.extra, *score.lost}):
        rates = " | ".join(f"{rate:.4f}" for rate in score.rates([name]))
        rows.append(f"| `{name}` | {score.hit[name] + score.lost[name]} | {rates} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """按命令行评估；达标且文件一致时返回 0。"""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--llm", action="store_true")
    options = parser.parse_args(arguments)
    paths = {str(path): path for path in options.files} or {name: DATA / f"{name}.jsonl" for name in SETS}
    client: LlmClient = OpenAiLlmClient.from_settings(Settings()) if options.llm else RuleBasedLlmClient()
    scores = {name: evaluate(client, load(path)) for name, path in paths.items()}
    print("\n".join(table(scores)))
    if options.files or options.llm:
        print("\n".join(line for score in scores.values() for line in [*score.dangers, *score.misses]))
    elif not _publish(page(scores, evaluate_answers(load_answers(DATA / f"{ANSWERS}.jsonl"))), check=options.check):
        return 1
    return 0 if all(score.good_enough for score in scores.values()) else 1


def _publish(text: str, *, check: bool) -> bool:
    """写出评估页，或者核对它；一致时返回真。"""
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        return True
    same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not same:
        print(f"{PAGE.name} 与实际不符：请运行 python -m tools.eval", file=sys.stderr)
    return same


if __name__ == "__main__":
    sys.exit(main())
