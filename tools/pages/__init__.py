"""由代码生成的文档页面：每个模块一页，``render()`` 返回整页文本。"""

HEADER = "<!-- 本页由 make docs 从代码生成，请改代码，不要改本页。 -->\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    """把表头和各行排成 Markdown 表格，竖线会转义。"""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def mermaid(lines: list[str]) -> str:
    """把 mermaid 源码放进代码块。"""
    return "\n".join(["```mermaid", *lines, "```"]) + "\n"


def code(names: list[str] | tuple[str, ...]) -> str:
    """把几个名字写成行内代码，以顿号相连。"""
    return "、".join(f"`{name}`" for name in names)
