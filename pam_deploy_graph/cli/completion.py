"""补全：此刻可以说的话、命令、工作站的地址与名字；按 Tab 才出来。"""

import re
from collections.abc import Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

_TAIL = re.compile(r"[\w.:-]+$")


class WordsNow(Completer):
    """``words`` 给出此刻的候选：整句开头的，或最后一个词（地址、名字）的。"""

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        """候选每次现取。"""
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002  接口规定的
        """给出补全。"""
        text = document.text_before_cursor
        tail = found[0] if (found := _TAIL.search(text)) else ""
        for word in self._words():
            for begun in dict.fromkeys((text.lstrip(), tail)):
                if word.lower().startswith(begun.lower()) and word != begun:
                    yield Completion(word, start_position=-len(begun))
                    break
