"""The Python types that the contract's JSON types are read as."""

from __future__ import annotations

from typing import Final

SCALARS: Final = frozenset({str, int, float, bool})
TIMES: Final = frozenset({str, int, float})

OF_KIND: Final[dict[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "any": SCALARS,
}
"""By the name of a JSON type; objects, which may hold anything, are apart."""
