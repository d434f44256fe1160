"""读取操作规程 ``doc_scripts/PAM_AUTO_DEPLY_SKILL.md``（依据 contract 第 4 节）。

规程是一份 SKILL.md：YAML 头给出名字与说明，正文给人和模型读，正文里的 ``yaml`` 代码块给程序读。
代码块与动作表不一致时拒绝加载，因此「文件说的」和「程序做的」不会走样。
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from pam_deploy_graph.constants import ACTIONS, Ask, Phase
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.given_files import read_given
from pam_deploy_graph.system.resources import nearby_path

DEFAULT_SKILL_PATH: Final = "doc_scripts/PAM_AUTO_DEPLY_SKILL.md"
NEEDS_HUMAN: Final = tuple(map(str, Ask))
"""三处必须由人决定的事，与图里三处 ``interrupt()`` 同名（contract 第 5 节）。"""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*\n(.*)\Z", re.DOTALL)
_YAML_BLOCK = re.compile(r"^```yaml[ \t]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class SkillPolicy:
    """操作规程；``allowed_actions`` 按动作表的次序，``rules`` 是给模型读的正文。"""

    name: str
    description: str
    allowed_actions: tuple[str, ...]
    needs_human: tuple[str, ...]
    forbidden: tuple[str, ...]
    rules: str


def load_skill_policy(path: str | Path = DEFAULT_SKILL_PATH) -> SkillPolicy:
    """读取并核对操作规程。

    Args:
        path: SKILL.md 的路径；默认路径在当前目录里没有时，用随包的那一份。

    Returns:
        核对过的规程。文件里没有 ``yaml`` 代码块时，动作与人审项取程序自己的。

    Raises:
        InvalidInputError: 文件读不了、缺名字或说明、或与动作表不一致。

    """
    text = _read(Path(path))
    head, body = _split(text, path)
    block = _YAML_BLOCK.search(body)
    rules = _mapping(block.group(1), path) if block else {}
    return SkillPolicy(
        name=_required(head, "name", path),
        description=_required(head, "description", path),
        allowed_actions=_allowed_actions(rules, path),
        needs_human=_needs_human(rules, path),
        forbidden=_names(rules.get("forbidden", []), "forbidden", path),
        rules=body.strip(),
    )


def _read(path: Path) -> str:
    """读出文件全文；过大的文件不是规程。"""
    try:
        return read_given(_locate(path), _MAX_BYTES).decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise InvalidInputError(tr("操作规程 {path} 读不了：{problem}", path=path, problem=error.strerror)) from None
    except UnicodeDecodeError:
        raise InvalidInputError(tr("操作规程 {path} 不是 UTF-8 文本", path=path)) from None


def _locate(path: Path) -> Path:
    """当前目录里没有默认的文件时，用随包的那一份；别的路径原样使用。"""
    return nearby_path(DEFAULT_SKILL_PATH) if path == Path(DEFAULT_SKILL_PATH) else path


def _split(text: str, path: str | Path) -> tuple[dict[str, Any], str]:
    """分开 YAML 头与正文。"""
    match = _FRONT_MATTER.match(text)
    if not match:
        raise InvalidInputError(tr("操作规程 {path} 缺少以 --- 包起来的 YAML 头（name、description）", path=path))
    return _mapping(match.group(1), path), match.group(2)


def _mapping(text: str, path: str | Path) -> dict[str, Any]:
    """解析一段 YAML，必须是映射。"""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InvalidInputError(tr("操作规程 {path} 里的 YAML 写错了，请检查缩进和引号", path=path)) from None
    if not isinstance(value, dict):
        raise InvalidInputError(tr("操作规程 {path} 里的 YAML 应为「键: 值」", path=path))
    return value


def _required(head: dict[str, Any], key: str, path: str | Path) -> str:
    """取 YAML 头里的一个非空文本。"""
    value = head.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(tr("操作规程 {path} 的 YAML 头缺少 {key}", path=path, key=key))
    return value.strip()


def _names(value: object, key: str, path: str | Path) -> tuple[str, ...]:
    """取一个名字列表。"""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidInputError(tr("操作规程 {path} 的 {key} 应为名字的列表", path=path, key=key))
    return tuple(value)


def _allowed_actions(rules: dict[str, Any], path: str | Path) -> tuple[str, ...]:
    """核对各阶段的动作与次序，返回动作表里的全部动作。"""
    stated = rules.get("allowed_actions")
    if stated is None:
        return tuple(ACTIONS)
    if not isinstance(stated, dict) or set(stated) - set(Phase):
        raise InvalidInputError(
            tr("操作规程 {path} 的 allowed_actions 应按阶段分组：{phase}", path=path, phase=tr("、").join(Phase))
        )
    for phase in Phase:
        names = _names(stated.get(str(phase), []), f"allowed_actions.{phase}", path)
        expected = tuple(spec.name for spec in ACTIONS.values() if spec.phase is phase)
        if names != expected:
            raise InvalidInputError(
                tr(
                    "操作规程 {path} 的 {phase} 动作是 {names}，与程序的 {expected} 不一致",
                    path=path,
                    phase=phase,
                    names=tr("、").join(names) or tr("空"),
                    expected=tr("、").join(expected),
                )
            )
    return tuple(ACTIONS)


def _needs_human(rules: dict[str, Any], path: str | Path) -> tuple[str, ...]:
    """核对必须由人决定的事：可以更多，不可以更少。"""
    names = _names(rules.get("needs_human", list(NEEDS_HUMAN)), "needs_human", path)
    if lacking := [name for name in NEEDS_HUMAN if name not in names]:
        raise InvalidInputError(
            tr(
                "操作规程 {path} 的 needs_human 少了 {lacking}；这些事必须由人决定",
                path=path,
                lacking=tr("、").join(lacking),
            )
        )
    return names
