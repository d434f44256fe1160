"""Studio 页面：它自己的画（``draw_mermaid``）与输入的表单，取自编译好的图。"""

from typing import Any, Final

from pam_deploy_graph.graph import build_graph
from tools.pages import HEADER, code, table

_DRAWING: Final = """
Studio、`draw_mermaid` 画的就是这一张：实线总走，虚线按写着的情形走；展开（`xray`）看得见 `talk` 与 `ip-flow` 里面。
每个节点做什么在[流程图](flowchart.md)。问题都停在外面的节点上，`get_state` 不必给 `subgraphs` 就看得见；
`custom` 与 `messages` 的流也不必给 `stream_subgraphs`。
"""
_INPUT: Final = """
`messages` 给原话就够了；`params` 与 `control` 是现成的，Studio 照模式画表单，SDK 的 `assistants.get_schemas` 读得到。
没有写默认值的可以不给：必填的没有给就问，`PAM_HOME_URL` 用设置里的。图没有 `context`，配置只有宿主的 `thread_id`。
"""


def render() -> str:
    """返回整页 Markdown。"""
    graph = build_graph()
    drawn, inside = (graph.get_graph(xray=depth).draw_mermaid().rstrip() for depth in (False, True))
    given = graph.get_input_jsonschema()["properties"]
    return "\n".join(
        [
            HEADER,
            "# Studio 里看见的\n",
            f"## 图\n{_DRAWING}",
            f"```mermaid\n{drawn}\n```\n",
            "### 展开\n",
            f"```mermaid\n{inside}\n```\n",
            f"## 输入\n{_INPUT}",
            "### `params`\n",
            table(["键", "类型", "默认", "说明"], _rows(given["params"])),
            "### `control`\n",
            table(["键", "类型", "默认", "说明"], _rows(given["control"])),
        ]
    )


def _rows(schema: dict[str, Any]) -> list[list[str]]:
    """一个对象的各个键。"""
    return [[f"`{name}`", _kind(one), _default(one), one["description"]] for name, one in schema["properties"].items()]


def _kind(one: dict[str, Any]) -> str:
    """一个键的类型；只有几个值的逐个写出。"""
    if "enum" in one:
        return code(one["enum"])
    kinds = [each["type"] for each in one.get("anyOf", [one]) if each["type"] != "null"]
    return " 或 ".join(kinds)


def _default(one: dict[str, Any]) -> str:
    """默认值；没有为空串。"""
    return f"`{str(one['default']).lower()}`" if "default" in one else ""
