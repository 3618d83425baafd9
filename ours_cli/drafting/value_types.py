"""The Python types that the contract's JSON types are read as."""

from __future__ import annotations

from typing import Final

from ours_cli.exact_json import WrittenNumber

SCALARS: Final = frozenset({str, int, float, WrittenNumber, bool})
TIMES: Final = frozenset({str, int, float, WrittenNumber})

OF_KIND: Final[dict[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float, WrittenNumber}),
    "boolean": frozenset({bool}),
    "any": SCALARS,
}
"""By the name of a JSON type; objects, which may hold anything, are apart."""
