"""由标注过的话训练用字的权重，写成 ``pam_deploy_graph/llm/data/wording.csv``；同样的话永远得到同样的表。

用法::

    python -m tools.train_wording           # 训练并写表
    python -m tools.train_wording --check   # 五折交叉验证，只打印

只用没说全参数的话：说全了的一律按规则理解。
"""

import argparse
import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from pam_deploy_graph.llm.rules.extraction import overhear
from pam_deploy_graph.llm.rules.intent_classifier import INTENTS, grams, softmax
from tools.source import PROJECT

_DATA: Final = PROJECT / "tests" / "llm" / "data"
TABLE: Final = PROJECT / "pam_deploy_graph" / "llm" / "data" / "wording.csv"
_ROUNDS: Final = 30
_STEP: Final = 4.0
_FADE: Final = 0.002
_KEEP: Final = 4000
_SCALE: Final = 100
_FOLDS: Final = 5

Sample = tuple[list[str], int]
Weights = dict[str, list[float]]


def samples() -> list[Sample]:
    """标注过的话：片段和意图的序号；次序固定。"""
    found = []
    for name in ("dev", "wording"):
        for line in (_DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            heard = overhear(case["text"])
            if heard:
                found.append((sorted(grams(heard)), INTENTS.index(case["intent"])))
    return found


def train(cases: Sequence[Sample]) -> Weights:
    """逐例梯度下降的多类逻辑回归；只出现过一次的片段不要。"""
    seen = Counter(gram for found, _ in cases for gram in found)
    weights: Weights = {gram: [0.0] * len(INTENTS) for gram, times in seen.items() if times > 1}
    for turn in range(_ROUNDS):
        for found, right in cases:
            _learn(weights, found, right, _STEP / (1 + turn / 6))
    return weights


def _learn(weights: Weights, found: list[str], right: int, step: float) -> None:
    """学一例：每个片段按误差改权重，同时略微减小。"""
    known = [row for gram in found if (row := weights.get(gram))]
    size = math.sqrt(len(found))
    shares = share(known, size)
    for index in range(len(INTENTS)):
        move = step * ((index == right) - shares[index]) / size
        for row in known:
            row[index] += move - _FADE * row[index] / _ROUNDS


def share(known: list[list[float]], size: float) -> list[float]:
    """各意图的份额。"""
    totals = [sum(column) / size for column in zip(*known, strict=True)] or [0.0] * len(INTENTS)
    return softmax(totals)


def check(cases: Sequence[Sample]) -> float:
    """五折交叉验证的正确率。"""
    right = 0
    for fold in range(_FOLDS):
        weights = train([case for at, case in enumerate(cases) if at % _FOLDS != fold])
        for found, intent in cases[fold::_FOLDS]:
            known = [row for gram in found if (row := weights.get(gram))]
            shares = share(known, math.sqrt(len(found)))
            right += shares.index(max(shares)) == intent
    return right / len(cases)


def write(weights: Weights) -> None:
    """把最要紧的片段写成表。"""
    kept = sorted(weights, key=lambda gram: (-max(map(abs, weights[gram])), gram))[:_KEEP]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["gram", "weights"])
        table.writerows(
            [gram, " ".join(str(round(_SCALE * value)) for value in weights[gram])] for gram in sorted(kept)
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """按命令行训练或验证。"""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    cases = samples()
    if options.check:
        print(f"{len(cases)} 例，五折交叉验证正确率 {check(cases):.4f}")
        return 0
    write(train(cases))
    print(f"{len(cases)} 例，写入 {TABLE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
