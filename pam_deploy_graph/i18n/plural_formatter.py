"""英文的格式：洞里可以写单复数。"""

import string
from typing import Any


class PluralFormatter(string.Formatter):
    """``{n:workstation|workstations}`` 照数取一个，别的照 ``str.format``。"""

    def format_field(self, value: Any, format_spec: str) -> str:
        """返回一个洞里的字。"""
        if "|" not in format_spec:
            return str(super().format_field(value, format_spec))
        one, many = format_spec.split("|")
        return one if str(value) == "1" else many
