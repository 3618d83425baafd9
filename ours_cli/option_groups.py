"""Groups of options as one parameter of a command: Typer sees single options, the command gets the group."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, get_type_hints


def grouped(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command take named tuples of options: Typer sees their fields, the command gets instances."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, tuple):
            groups[name] = parameter.annotation
            parameters.extend(_options_of(parameter.annotation))
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**values: Any) -> int:
        arguments = {
            name: group(*[values.pop(field) for field in group._fields]) for name, group in groups.items()
        }
        return command(**arguments, **values)

    made: Any = run
    functools.update_wrapper(made, command, assigned=("__name__", "__qualname__", "__doc__", "__module__"))
    del made.__wrapped__
    made.__signature__ = signature.replace(parameters=parameters)
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    made.titles = {field: title_of(group) for group in groups.values() for field in group._fields}
    return run


def title_of(group: type) -> str:
    """The heading of a group's options: its docstring up to the first full stop or colon."""
    return re.split("[.:]", group.__doc__ or "Options")[0]


def _options_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=group._field_defaults[name], annotation=hints[name]
        )
        for name in group._fields
    ]
