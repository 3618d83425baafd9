"""Rows of `ours batch` that need no mending and obey the contract, as nearly all do; sizes and time apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, product
from typing import Any, Final

from ours_cli.contract import ID_MAX, KNOWN_PROPERTIES, OBJECT_KEYS, PROPERTIES_MAX, TEXT_KEYS, TEXT_MAX
from ours_cli.exact_json import OF_KIND, SCALARS, TIMES
from ours_cli.ids.doubtful_ids import are_sure, is_sure


def _plain_pairs(known: dict[str, str]) -> frozenset[tuple[str, type]]:
    return frozenset((name, kind) for name, kinds in known.items() for kind in OF_KIND.get(kinds, ()))


_PLAIN_BODY: Final = frozenset(
    {
        *((key, str) for key in TEXT_KEYS),
        *(("time", kind) for kind in TIMES),
        *((key, dict) for key in OBJECT_KEYS),
    }
)
_REQUIRED: Final = frozenset({"event", "time"})
_WHOM: Final = frozenset(ID_MAX)
_PLAIN_PROPERTIES: Final = {key: _plain_pairs(known) for key, known in KNOWN_PROPERTIES.items()}


def is_plain(body: dict[str, Any]) -> bool:
    """Whether a row is plain; false only means that it must be judged rule by rule.

    Whole objects are compared with what they may contain, which is quick.
    """
    if not _PLAIN_BODY.issuperset(zip(body, map(type, body.values()), strict=True)):
        return False
    for key in TEXT_KEYS:
        if key in body:
            text: str = body[key]
            if not text or text.strip() != text or len(text) > TEXT_MAX.get(key, len(text)):
                return False
            if key in ID_MAX and not is_sure(text):
                return False
    if not body.keys() >= _REQUIRED or _WHOM.isdisjoint(body):
        return False
    properties = body.get("eventProperties")
    if properties and not (
        len(properties) <= PROPERTIES_MAX and SCALARS.issuperset(map(type, properties.values()))
    ):
        return False
    for key, allowed in _PLAIN_PROPERTIES.items():
        if (known := body.get(key)) and not allowed.issuperset(
            zip(known, map(type, known.values()), strict=True)
        ):
            return False
    return True


def which_are_plain(bodies: Sequence[dict[str, Any]]) -> list[bool]:
    """`is_plain` of each row, in a third of the time where nearly all are plain."""
    if bodies and are_plain(bodies):
        return [True] * len(bodies)
    # One row that is not plain must not cost all the others; where many are not, each is looked at.
    plain: list[bool] = []
    misses = 0
    for start in range(0, len(bodies), _FEW):
        part = bodies[start : start + _FEW]
        if misses < _MISSES_MAX and are_plain(part):
            plain += [True] * len(part)
        else:
            misses += 1
            plain += map(is_plain, part)
    return plain


_FEW: Final = 25
_MISSES_MAX: Final = 5


def are_plain(bodies: Sequence[dict[str, Any]]) -> bool:
    """Whether all of these rows (at least one) are plain; their keys may differ.

    What a key may hold does not depend on the row, so the values of each key are judged together.
    """
    columns = _columns(bodies)
    if columns is None:
        return False
    try:
        return all(_JUDGES[key](values) for key, values in columns.items())
    except (KeyError, TypeError):
        return False  # a key that the API does not know, or a value of another type


def _columns(bodies: Sequence[dict[str, Any]]) -> dict[str, list[Any]] | None:
    """The values of each key, in the rows that have it; None where a row lacks a required key."""
    keys = bodies[0].keys()
    if set(map(len, bodies)) == {len(keys)}:
        with suppress(KeyError):
            columns = {key: [body[key] for body in bodies] for key in keys}
            return columns if keys >= _REQUIRED and not _WHOM.isdisjoint(keys) else None
    shapes = set(map(frozenset, bodies))
    if not all(shape >= _REQUIRED and shape & _WHOM for shape in shapes):
        return None
    return {key: [body[key] for body in bodies if key in body] for key in frozenset[str]().union(*shapes)}


def _are_texts(longest: int | None, values: list[Any]) -> bool:
    lengths = set(map(len, values))
    if 0 in lengths or (longest is not None and max(lengths) > longest):
        return False
    return list(map(str.strip, values)) == values


def _are_ids(longest: int, values: list[Any]) -> bool:
    return _are_texts(longest, values) and are_sure(values)


def _are_times(values: list[Any]) -> bool:
    return TIMES.issuperset(map(type, values))


def _are_event_properties(values: list[Any]) -> bool:
    inner = chain.from_iterable(map(_values_of, values))
    return SCALARS.issuperset(map(type, inner)) and max(map(len, values)) <= PROPERTIES_MAX


def _are_properties(plain: frozenset[tuple[str, type]], values: list[Any]) -> bool:
    kinds = set(map(type, chain.from_iterable(map(_values_of, values))))
    if plain.issuperset(product(set(chain.from_iterable(values)), kinds)):
        return True
    # Not every type found is allowed under every key found.
    return plain.issuperset(
        chain.from_iterable(zip(known, map(type, known.values()), strict=True) for known in values)
    )


_values_of: Final[Callable[[Any], Iterable[Any]]] = dict.values
_JUDGES: Final[dict[str, Callable[[list[Any]], bool]]] = {
    **{key: partial(_are_texts, TEXT_MAX.get(key)) for key in TEXT_KEYS},
    **{key: partial(_are_ids, longest) for key, longest in ID_MAX.items()},
    "time": _are_times,
    "eventProperties": _are_event_properties,
    **{key: partial(_are_properties, plain) for key, plain in _PLAIN_PROPERTIES.items()},
}
