"""Groups of options as one parameter of a command: Typer sees single options, the command gets the group.

A group is a named tuple of options, or of such groups.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints


def grouped(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command take groups: Typer sees their options, the command gets instances."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    titles: dict[str, str] = {}
    for name, parameter in signature.parameters.items():
        if _is_group(parameter.annotation):
            groups[name] = parameter.annotation
            for title, option in _options_of(parameter.annotation):
                parameters.append(option)
                titles[option.name] = title
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**values: Any) -> int:
        arguments = {name: _made(group, values) for name, group in groups.items()}
        return command(**arguments, **values)

    made: Any = run
    functools.update_wrapper(made, command, assigned=("__name__", "__qualname__", "__doc__", "__module__"))
    del made.__wrapped__
    made.__signature__ = signature.replace(parameters=parameters)
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    made.titles = titles
    return run


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple)


def _options_of(group: Any) -> Iterator[tuple[str, inspect.Parameter]]:
    """Each option with its heading: the docstring of its group up to the first full stop or colon."""
    title = re.split("[.:]", group.__doc__ or "Options")[0]
    for name, hint in get_type_hints(group, include_extras=True).items():
        if _is_group(hint):
            yield from _options_of(hint)
        else:
            kind, default = inspect.Parameter.KEYWORD_ONLY, group._field_defaults[name]
            yield title, inspect.Parameter(name, kind, default=default, annotation=hint)


def _made(group: Any, values: dict[str, Any]) -> Any:
    """An instance of the group; its options are taken out of `values`."""
    parts = get_type_hints(group).items()
    return group(*[_made(part, values) if _is_group(part) else values.pop(name) for name, part in parts])
