"""由表派生的命令行选项：一行一个，命令只收下一个字典。"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

_BY_NAME: Final = inspect.Parameter.KEYWORD_ONLY


def taking(into: str, options: Mapping[str, tuple[Any, Any]]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """把命令的参数 ``into`` 换成一组选项，收到的值合成一个字典交给它。

    Args:
        into: 命令的哪个参数收下这个字典。
        options: 选项名到（typer 的注解、默认值），按出现的次序。

    Returns:
        装饰器；typer 看到的签名里 ``into`` 的位置上是这些选项。

    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        """换上新的签名。"""

        @functools.wraps(command)
        def called(**given: Any) -> None:
            """收拢选项，调用命令。"""
            command(**{into: {name: given.pop(name) for name in options}}, **given)

        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command, eval_str=True).parameters.values():
            parameters += _parameters(options) if each.name == into else [each.replace(kind=_BY_NAME)]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # 标准库认这个属性
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        return called

    return decorate


def _parameters(options: Mapping[str, tuple[Any, Any]]) -> list[inspect.Parameter]:
    """一组选项写成参数。"""
    return [
        inspect.Parameter(name, _BY_NAME, annotation=annotation, default=default)
        for name, (annotation, default) in options.items()
    ]
