"""Numbers as people and spreadsheets write them, read without losing a digit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Final, NamedTuple

from ours_cli.templates.field_value import ABSENT, Absent


class NumeralError(ValueError):
    """The text is not a number in this style; the message says what is wrong, without the text."""


class Style(NamedTuple):
    """How one region writes numbers. `form` and `group` are patterns: of the bare digits, without sign and
    currency, and of what stands between groups of them."""

    name: str
    form: str
    group: str
    point: str
    example: str


def _style(name: str, group: str, point: str, example: str, groups: str | None = None) -> Style:
    point_ = re.escape(point)
    grouped = groups or rf"[0-9]{{1,3}}(?:({group})[0-9]{{3}}(?:\1[0-9]{{3}})*)?"
    form = rf"(?:{grouped}|[0-9]+)(?:{point_}[0-9]+)?|{point_}[0-9]+"
    return Style(name, form, group, point, example)


# Spaces: plain, no-break, narrow no-break (CLDR's choice for French) and thin.
_ENGLISH = _style("en", ",", ".", "1,234.50")
_GERMAN = _style("de", r"\.", ",", "1.234,50")
_FRENCH = _style("fr", "[ \u00a0\u202f\u2009]", ",", "1 234,50")
_SWISS = _style("ch", "['\u2019]", ".", "1'234.50")
_INDIAN = _style("in", ",", ".", "12,34,567.50", groups=r"[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}")

DEFAULT_STYLE: Final = _ENGLISH

STYLES: Final[dict[str, Style]] = {
    **dict.fromkeys(("en", "us", "uk", "gb"), _ENGLISH),
    **dict.fromkeys(("de", "at", "es", "it", "nl", "pt", "br", "dk", "tr", "id"), _GERMAN),
    **dict.fromkeys(("fr", "pl", "cz", "se", "no", "fi", "ua"), _FRENCH),
    **dict.fromkeys(("ch", "li"), _SWISS),
    "in": _INDIAN,
}
"""Style by the name that `number:NAME` takes."""

_NO_NUMBER = frozenset({"-", "--", "\u2013", "\u2014", "n/a", "null", "none", "not available"})

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

# Only codes in wide use, and in capitals: the whole of ISO 4217 has TOP, ALL and MAD, and a cell such as
# "TOP 10" is not an amount.
_CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|ILS|INR|KRW|SGD|HKD|TWD|THB|MYR|IDR"
    "|PHP|VND|BRL|MXN|ARS|CLP|COP|PEN|ZAR|AED|SAR|RUB|UAH|EGP|NGN|KES"
)
_SIGNS = "$\u20ac\u00a3\u00a5\u00a2\u20b9\u20a9\u20aa\u20ba\u20bd\u20b4\u20ab\u0e3f\u20b1\u20a6"
_CURRENCY = rf"(?:[A-Z]{{0,2}}[{_SIGNS}]|{_CODES}|[Kk]r\.?|Kč|zł|Rs\.?|Fr\.?)"
_MINUS = "[-+\u2212]"
_BEFORE = rf"(?P<sign>{_MINUS}?){_CURRENCY}?(?P<inner>{_MINUS}?)(?P<open>\(?){_CURRENCY}?(?P<last>{_MINUS}?)"
# Some accounting systems write the minus last: "1.234,50-".
_AFTER = rf"(?P<minus>[-\u2212]?){_CURRENCY}?(?P<close>\)?){_CURRENCY}?"
# From the first digit to the last. A point after a letter ends an abbreviation: "Rs.500" is five hundred.
_DIGITS = re.compile(r"(?<![A-Za-z])[.,]?[0-9](?:.*[0-9])?", re.DOTALL)

_LONGEST = 1000
"""Characters beyond which nothing is a number; it also bounds the time that one hostile cell can take."""

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def is_plain_number(text: str) -> bool:
    """Whether `int` and `float` read the text to the digit: a double keeps what 16 characters can hold."""
    return len(text) <= 16 and _PLAIN_NUMBER.fullmatch(text) is not None


def read_decimal(text: str, style: Style = DEFAULT_STYLE) -> Decimal | Absent:
    """Return the exact value of an amount such as `$1,234.50`, `(12.00)`, `- $5` or `12 kr`.

    Text that says there is no number (`--`, `N/A`, `none`, ...) is ABSENT. Percentages, broken grouping and
    scientific notation (except plain JSON numbers such as `1.5e3`) raise NumeralError.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise NumeralError("has too many characters for a number")
    if style.point == "." and _JSON_NUMBER.fullmatch(text):
        return _plain(text)
    if text.casefold() in _NO_NUMBER:
        return ABSENT
    digits, negative = _without_affixes(text)
    if not _pattern(style.form).fullmatch(digits):
        raise NumeralError("is not a number" + _other_style(digits, style))
    magnitude = Decimal(_pattern(style.group).sub("", digits).replace(style.point, "."))
    # copy_negate is exact; the minus operator would round to the context's 28 digits.
    return magnitude.copy_negate() if negative else magnitude


def styles_that_read(text: str, names: Iterable[str]) -> frozenset[str]:
    """Those of the styles in which `read_decimal` finds a number in `text`, at the cost of one."""
    text = text.strip()
    if _JSON_NUMBER.fullmatch(text):
        return frozenset(name for name in names if _is_read(text, STYLES[name]))
    if len(text) > _LONGEST or text.casefold() in _NO_NUMBER:
        return frozenset()
    try:
        digits, _ = _without_affixes(text)
    except NumeralError:
        return frozenset()
    return frozenset(name for name in names if _pattern(STYLES[name].form).fullmatch(digits))


def _is_read(text: str, style: Style) -> bool:
    try:
        return read_decimal(text, style) is not ABSENT
    except NumeralError:
        return False


def is_no_number(text: str) -> bool:
    """Whether the text says that there is no number: `--`, `N/A`, `none`."""
    return text.strip().casefold() in _NO_NUMBER


def as_number(value: Decimal) -> int | float:
    """Return an int when neither point nor exponent was written, else a float.

    Raises NumeralError when that float, printed, would show other digits than those written.
    """
    if value.as_tuple().exponent == 0:
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise NumeralError("has more digits than a JSON number keeps")
    return number


def as_integer(value: Decimal) -> int:
    """Return the integer that `value` is (`12.00` is 12); raises NumeralError when it has a fraction."""
    integer = int(value)
    if integer != value:
        raise NumeralError("has a fraction")
    return integer


def _plain(text: str) -> Decimal:
    if not isfinite(float(text)):
        raise NumeralError("is beyond the range of a number")
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent of twenty digits
        raise NumeralError("is beyond the range of a number") from None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compiled for the first number that is not plain: so many styles and currencies take long."""
    return re.compile(text)


def _without_affixes(text: str) -> tuple[str, bool]:
    """Split off signs, brackets and currency; return the bare digits and whether they are negative."""
    digits = _DIGITS.search(text)
    if digits is None:
        raise NumeralError("is not a number")
    before = _pattern(_BEFORE).fullmatch("".join(text[: digits.start()].split()))
    after = _pattern(_AFTER).fullmatch("".join(text[digits.end() :].split()))
    if before is None or after is None:
        raise NumeralError("is not a number")
    signs = before["sign"] + before["inner"] + before["last"] + after["minus"]
    bracketed = bool(before["open"])
    if bracketed != bool(after["close"]) or len(signs) + bracketed > 1:
        raise NumeralError("has signs or brackets that do not agree")
    return digits.group(), bracketed or signs not in ("", "+")


def _other_style(digits: str, tried: Style) -> str:
    for style in dict.fromkeys(STYLES.values()):
        if style is not tried and _pattern(style.form).fullmatch(digits):
            return f"; numbers written like {style.example} take number:{style.name}"
    return ""
