"""量一量听懂了多少：意图正确率与各参数的查准率、查全率、F1，写进 ``docs/eval.md``。

用法::

    python -m tools.eval             # 评估规则，重写 docs/eval.md；低于目标时退出码为 1
    python -m tools.eval --check     # 不写文件；文件与实际不符时退出码为 1
    python -m tools.eval --llm       # 另评设置里的模型（PAM_LLM_MODEL、OPENAI_BASE_URL），只打印
    python -m tools.eval FILE...     # 评估别的 JSONL 文件，只打印

每行一例：``{"text": 原话, "intent": 意图, "slots": 部署参数与控制参数合在一起}``。
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.llm import LlmClient, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.settings import Settings
from tools.source import PROJECT

DATA: Final = PROJECT / "tests" / "llm" / "data"
PAGE: Final = PROJECT / "docs" / "eval.md"
INTENT_GOAL: Final = 0.99
SLOT_GOAL: Final = 0.98
SETS: Final = {"dev": "开发集（照着它改规则）", "heldout": "留出集（写好规则之后才看，不照着它改）"}


@dataclass(frozen=True)
class Case:
    """一例：原话、意图、参数。"""

    text: str
    intent: str
    slots: dict[str, Any]


@dataclass
class Score:
    """一个集的成绩；``hit``、``extra``、``lost`` 按参数名计数，``by_model`` 是模型自己答了几句。"""

    total: int = 0
    by_model: int = 0
    seconds: float = 0.0
    right_intents: int = 0
    hit: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    @property
    def intent_accuracy(self) -> float:
        """意图正确率。"""
        return self.right_intents / self.total if self.total else 0.0

    def rates(self, names: Iterable[str] | None = None) -> tuple[float, float, float]:
        """返回查准率、查全率、F1；``names`` 为空时算全部参数。"""
        chosen = set(names) if names is not None else {*self.hit, *self.extra, *self.lost}
        hit, extra, lost = (sum(count[name] for name in chosen) for count in (self.hit, self.extra, self.lost))
        precision = hit / (hit + extra) if hit + extra else 1.0
        recall = hit / (hit + lost) if hit + lost else 1.0
        total = precision + recall
        return precision, recall, 2 * precision * recall / total if total else 0.0

    @property
    def good_enough(self) -> bool:
        """是否达到目标。"""
        return self.intent_accuracy >= INTENT_GOAL and self.rates()[2] >= SLOT_GOAL


def load(path: Path) -> list[Case]:
    """读一个 JSONL 文件。"""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Case(**json.loads(line)) for line in lines if line.strip()]


def evaluate(client: LlmClient, cases: Iterable[Case]) -> Score:
    """逐例评估；值完全相同才算对。"""
    score = Score()
    for case in cases:
        started = time.monotonic()
        heard, found = client.understand_request(case.text), client.extract_params(case.text, {})
        score.seconds += time.monotonic() - started
        score.by_model += heard.reason.startswith("模型 ")
        _mark(score, case, heard.intent, {**found.extracted_params, **found.control_params})
    return score


def _mark(score: Score, case: Case, intent: str, slots: dict[str, Any]) -> None:
    """记下一例的成绩。"""
    score.total += 1
    score.right_intents += intent == case.intent
    right = {name for name, value in case.slots.items() if slots.get(name) == value}
    score.hit.update(right)
    score.extra.update(set(slots) - right)
    score.lost.update(set(case.slots) - right)
    if intent != case.intent or slots != case.slots:
        score.misses.append(f"`{case.text}`：应为 {case.intent} {case.slots}，答成 {intent} {slots}")


def page(scores: dict[str, Score]) -> str:
    """写出评估页。"""
    lines = [
        "# 听懂了多少",
        "",
        f"由 `python -m tools.eval` 生成。目标：意图正确率不低于 {INTENT_GOAL:.2f}，参数 F1 不低于 {SLOT_GOAL:.2f}。",
        "这里评的是不联网的规则客户端；参数的值要与标注完全相同才算对。",
        "",
        *table(scores),
        "",
        "## 每一批第一次看时",
        "",
        "话是一批一批写的：先写话和标注，再看成绩，然后照着错处改规则，并入开发集。下面是改之前的成绩，",
        "最能说明没见过的话会怎样；越往后的批次越说明现在的规则。",
        "",
        *_first_looks(),
        "",
        "## 留出集上的各项参数",
        "",
        *_by_slot(scores["heldout"]),
        "",
        "## 没有答对的",
        "",
    ]
    misses = [f"- {name}：{miss}" for name, score in scores.items() for miss in score.misses]
    return "\n".join([*lines, *(misses or ["没有。"]), ""])


def table(scores: dict[str, Score]) -> list[str]:
    """各集的总表。"""
    rows = ["| 集 | 例数 | 意图正确率 | 参数查准率 | 参数查全率 | 参数 F1 |", "| --- | --- | --- | --- | --- | --- |"]
    for name, score in scores.items():
        rates = " | ".join(f"{rate:.4f}" for rate in score.rates())
        rows.append(f"| {SETS.get(name, name)} | {score.total} | {score.intent_accuracy:.4f} | {rates} |")
    return rows


def _first_looks() -> list[str]:
    """各批第一次看时的成绩。"""
    rows = ["| 批次 | 例数 | 意图正确率 | 参数 F1 |", "| --- | --- | --- | --- |"]
    for line in (DATA / "first_look.jsonl").read_text(encoding="utf-8").splitlines():
        look = json.loads(line)
        rows.append(f"| {look['batch']} | {look['cases']} | {look['intent']:.4f} | {look['f1']:.4f} |")
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
    client = OpenAiLlmClient.from_settings(Settings()) if options.llm else RuleBasedLlmClient()
    scores = {name: evaluate(client, load(path)) for name, path in paths.items()}
    print("\n".join(table(scores)))
    if options.llm:
        print("\n".join(map(_asked, scores.values())))
    if options.files or options.llm:
        print("\n".join(miss for score in scores.values() for miss in score.misses))
    elif not _publish(page(scores), check=options.check):
        return 1
    return 0 if all(score.good_enough for score in scores.values()) else 1


def _asked(score: Score) -> str:
    """模型自己答了几句，每句几秒；其余的是规则答的。"""
    average = score.seconds / max(1, score.total)
    return f"模型自己答了 {score.by_model}/{score.total} 句，平均每句 {average:.1f} 秒；没有答的由规则答"


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
