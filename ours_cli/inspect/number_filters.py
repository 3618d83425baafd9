"""The filter that gives a column its type in a template, by how its numbers are written."""

from __future__ import annotations

from typing import Final

from ours_cli.inspect.column import NEARLY_ALL, Column
from ours_cli.inspect.kinds import NUMBER_STYLES
from ours_cli.inspect.sensitive import plain_words
from ours_cli.inspect.vocabulary import words

_CODE_WORDS: Final = words(
    "id code codes number zip zipcode postal plz phone sku uuid guid key ref reference isbn ean fips",
    "category class",
)
_MANY: Final = 0.8
"""With so many numbers in it, a column of texts may be meant for numbers."""


def only_style(column: Column) -> str | None:
    """en or de, where one of the two reads nearly the whole column and the other less."""
    en, de = column.styles["en"], column.styles["de"]
    if not column.is_number or en == de or max(en, de) < NEARLY_ALL * column.filled:
        return None
    return "en" if en > de else "de"


def filter_of(column: Column, style_of_file: str | None, place: str) -> tuple[str, str]:
    """The filter that types a column without losing a digit, and what to say about it, if anything.

    `place` is what the rows are numbered by.
    """
    if column.is_boolean and not column.typed:
        return "bool", ""
    if column.typed == column.filled:
        return "", ""
    if column.share("scientific") > 0.1 or (column.is_number and column.kinds["scientific"]):
        return "", "holds numbers in scientific notation: a spreadsheet cut their last digits; sent as text"
    if column.share("exponent") > 0.1 or (column.is_number and column.kinds["exponent"]):
        return "", "holds numbers with an exponent, or codes like them; sent as text"
    if not _CODE_WORDS.isdisjoint(plain_words(" ".join(column.path))) and column.kinds["amount"] == 0:
        return "", ""
    reads = max(column.styles[style] for style in NUMBER_STYLES)
    fit = [style for style in NUMBER_STYLES if column.styles[style] == reads]
    odd = column.odd_cells("numbers", reads, column.first_unread.get(fit[0]), place)
    if not column.is_number:
        are_codes = column.kinds["digits"] and column.numbers == column.kinds["integer"]
        is_meant = column.numbers >= _MANY * (column.filled - column.kinds["none"]) > 0
        return "", f"{odd}; sent as text" if is_meant and not are_codes else ""
    if len(column.currencies) > 1:
        return "", "holds amounts in several currencies, which |number would leave out; sent as text"
    if reads < NEARLY_ALL * column.filled:
        return "", "is written in more than one way of numbers; sent as text"
    if style_of_file in fit:
        fit = [style_of_file]
    elif column.many_meanings and {"en", "de"} <= set(fit):
        return "", "could be thousands or decimals (1,075); sent as text until you say |number or |number:de"
    name = "number" if fit[0] == "en" else f"number:{fit[0]}"
    fate = "such rows will be rejected (bad_number); without |number all are sent as text"
    return name, "" if reads == column.filled else f"{odd}: {fate}"
