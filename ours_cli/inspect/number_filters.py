"""The filter that gives a column its type in a template, by how its numbers are written."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.kinds import NUMBER_STYLES
from ours_cli.inspect.profile import Column
from ours_cli.inspect.words import words_of

_STYLE_NAMES: Final = {
    "en": "number",
    "de": "number:de",
    "fr": "number:fr",
    "ch": "number:ch",
    "in": "number:in",
}

_CODE_WORDS: Final = frozenset(
    (
        *("id", "code", "codes", "no", "number", "zip", "zipcode", "postal", "phone", "sku", "uuid", "guid"),
        *("key", "ref", "reference", "isbn", "ean", "fips", "category", "class"),
    )
)


def only_style(column: Column) -> str | None:
    """en or de, where one of the two reads the whole column and the other does not."""
    numbers = sum(column.kinds[kind] for kind in ("integer", "decimal", "amount"))
    if not numbers or numbers + column.kinds["none"] < column.filled:
        return None
    reads = [style for style in ("en", "de") if column.styles[style] >= numbers]
    return reads[0] if len(reads) == 1 else None


def filter_of(column: Column, style_of_file: str | None) -> tuple[str, str]:
    """The filter that types a column without losing a digit, and what to say about it, if anything."""
    if column.is_boolean and not column.typed:
        return "bool", ""
    if column.share("scientific") > 0.1:
        return "", "holds numbers in scientific notation: a spreadsheet cut their last digits; sent as text"
    if column.type not in ("integer", "number", "amount") or column.typed == column.filled:
        return "", ""
    if not _CODE_WORDS.isdisjoint(words_of(" ".join(column.path))) and column.kinds["amount"] == 0:
        return "", ""
    if len(column.currencies) > 1:
        return "", "holds amounts in several currencies, which |number would leave out; sent as text"
    numbers = column.filled - column.kinds["none"]
    fit = [style for style in NUMBER_STYLES if column.styles[style] >= numbers]
    if not fit:
        return "", "is written in more than one way of numbers; sent as text"
    if not (column.many_meanings and {"en", "de"} <= set(fit)):
        return _STYLE_NAMES[fit[0]], ""
    if style_of_file is None:
        return "", "could be thousands or decimals (1,075); sent as text until you say |number or |number:de"
    return _STYLE_NAMES[style_of_file], ""
