"""从一句话摘出参数。"""

import re
from dataclasses import dataclass, field
from typing import Any

_AIRPORTS = {"浦东": "PVG", "虹桥": "SHA", "首都": "PEK", "大兴": "PKX"}


@dataclass
class Extraction:
    """摘出来的东西；``unresolved`` 是提到了却定不下来的参数名。"""

    params: dict[str, str] = field(default_factory=dict)
    control_params: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)


def extract(text: str) -> Extraction:
    """摘出机场、应用、模块与版本。"""
    found = Extraction()
    if match := re.search(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text):
        found.params["AIRPORT_CODE"] = match.group()
    for name, code in _AIRPORTS.items():
        if name in text:
            found.params["AIRPORT_CODE"] = code
    name = r"([A-Za-z0-9][A-Za-z0-9_.-]*)"
    for key, before, after in (("APP_NAME", "app", "应用"), ("MODULE_NAME", "module", "模块")):
        if match := re.search(rf"{name}\s*{after}|\b{before}\s+{name}", text):
            found.params[key] = match.group(1) or match.group(2)
    if match := re.search(r"(?<![\d.])\d+(?:\.\d+){1,2}(?![\d.])", text):
        found.params["VERSION_NUMBER"] = match.group()
    return found
