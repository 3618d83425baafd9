"""The nearest known name to a mistyped one, and the hint that names it."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate closest to `name`, or None when none is close enough to be worth saying.

    Case, spaces and punctuation do not count: `firstName`, `first_name` and `First Name` are one spelling.
    """
    # difflib costs 5 ms to import, and only a command that is about to fail needs it.
    from difflib import get_close_matches

    spellings: dict[str, str] = {}
    for candidate in candidates:
        spellings.setdefault(_spelling(candidate), candidate)
    found = get_close_matches(_spelling(name), spellings, n=1, cutoff=0.61)
    return spellings[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str, *, form: str = "{!r}") -> str:
    """The hint for a mistyped name: the nearest candidate, as `form` writes it, or `otherwise`."""
    close = nearest(name, candidates)
    return f"did you mean {form.format(close)}?" if close else otherwise


def _spelling(name: str) -> str:
    folded = name.casefold()
    return "".join(character for character in folded if character.isalnum()) or folded
