"""The filters of `{column|filter|filter}`: each is read once with the template, then run for every row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from ours_cli.errors import UsageError
from ours_cli.templates.filter_arguments import (
    ArgumentError,
    date_argument,
    default_argument,
    map_argument,
    no_argument,
    number_argument,
    replace_argument,
    text_argument,
    without_trailing_blanks,
)
from ours_cli.templates.filter_functions import (
    Filter,
    HmacKey,
    auto_filter,
    bool_filter,
    date_filter,
    default_filter,
    hmac_filter,
    int_filter,
    json_filter,
    map_filter,
    number_filter,
    on_text,
    param_filter,
    prefix_filter,
    replace_filter,
    sha256_filter,
    split_filter,
)
from ours_cli.templates.without import without
from ours_cli.trimming import trimmed
from ours_cli.wording.suggest import did_you_mean

EXCLUDE: Final = "--exclude"
"""The filter that `--exclude` puts before a template's own, which no template can name."""


class FilterCall(NamedTuple):
    """One filter as a template names it; `argument` is already checked, in the form that the filter wants."""

    name: str
    argument: Any

    @property
    def fills(self) -> bool:
        """Whether it runs where there is no value (`default`), rather than where there is one."""
        return self.name == "default"


class FilterKind(NamedTuple):
    """A filter's two halves: reading its argument once and making the function that runs per row."""

    read_argument: Callable[[str | None], Any]
    make: Callable[[Any], Filter]


def read_call(source: str) -> FilterCall:
    """Read one `name` or `name:argument`; raises UsageError for an unknown filter or a wrong argument.

    Blanks around the filter are dropped, but a blank right after a colon is an argument (`split: `).
    """
    head, colon, tail = source.partition(":")
    name = head.strip()
    kind = _KINDS.get(name)
    if kind is None:
        raise _unknown_filter(name)
    try:
        return FilterCall(name, kind.read_argument(without_trailing_blanks(tail) if colon else None))
    except ArgumentError as problem:
        raise UsageError(f"filter `{name}` {problem}", hint=problem.hint) from None


def build(call: FilterCall, hmac_key: HmacKey | None) -> Filter:
    """Make the function for the rows. It takes a present value and returns a value or ABSENT.

    Raises UsageError when the call is `hmac` and there is no key; the key is asked for only then.
    """
    if call.name == EXCLUDE:
        return lambda value: without(value, call.argument)
    # hmac is made from its key; no secret is ever written into a template.
    return _KINDS[call.name].make(hmac_key if call.name == "hmac" else call.argument)


def _unknown_filter(name: str) -> UsageError:
    if not name:
        return UsageError("a `|` without a filter after it", hint="write `{column|filter}`")
    return UsageError(
        f"there is no filter `{name}`",
        hint=did_you_mean(name, _KINDS, f"filters: {' '.join(_KINDS)}", form="`{}`"),
    )


_KINDS: Final[dict[str, FilterKind]] = {
    "trim": FilterKind(no_argument, on_text(trimmed)),
    "lower": FilterKind(no_argument, on_text(str.lower)),
    "upper": FilterKind(no_argument, on_text(str.upper)),
    "number": FilterKind(number_argument, number_filter),
    "int": FilterKind(no_argument, int_filter),
    "bool": FilterKind(no_argument, bool_filter),
    "json": FilterKind(no_argument, json_filter),
    "date": FilterKind(date_argument, date_filter),
    "map": FilterKind(map_argument, map_filter),
    "auto": FilterKind(no_argument, auto_filter),
    "default": FilterKind(default_argument, default_filter),
    "prefix": FilterKind(partial(text_argument, "prefix:crm-"), prefix_filter),
    "replace": FilterKind(replace_argument, replace_filter),
    "split": FilterKind(partial(text_argument, "split:;"), split_filter),
    "param": FilterKind(partial(text_argument, "param:currency"), param_filter),
    "sha256": FilterKind(no_argument, sha256_filter),
    "hmac": FilterKind(no_argument, hmac_filter),
}

FILTER_NAMES: Final = tuple(_KINDS)
