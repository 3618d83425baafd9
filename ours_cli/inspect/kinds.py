"""What one value looks like, judged by its text alone; and its masked form, which shows nothing of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias, cast

from ours_cli.templates.numerals import STYLES, is_no_number, read_decimal, styles_that_read
from ours_cli.uuids import UUID

Kind: TypeAlias = Literal[
    "integer", "decimal", "amount", "none", "digits", "scientific", "exponent", "boolean", "answer",
    "email", "phone", "ssn", "uuid", "ip", "agent", "url", "clock", "object", "list", "secret", "text",
]  # fmt: skip

NUMBER_STYLES: Final = ("en", "de", "fr", "ch", "in")
"""The ways of writing numbers that are tried; the first that reads a whole column wins."""

# As tools make them, told by their beginnings: a JWT, keys and tokens of well-known services, the hash of a
# password, a private key. Digits other than 0 may be 9 here (see `SHAPE`).
_KEYS = (
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|Bearer \S{8,}|[spr]k_(?:live|test)_\w+|gh[opsur]_\w{16,}"
    r"|github_pat_\w+|xox[abeoprs]-\S+|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|SG\.[\w-]+\.[\w-]+"
    r"|\$[0-9][abxy]?\$\S{20,}|\$argon[0-9]\w*\$\S+|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)"
)
# International; American; national with its 0 in front (0170 1234567, 01 23 45 67 89, 020 7946 0958). The
# last are told from dates, postal codes and numbers by how many digits there are and where they are parted.
_PHONE = (
    r"\+[0-9][0-9 ()./-]{7,18}[0-9]|00[1-9](?=(?:[^0-9]*[0-9]){8,13}\Z)[0-9]{0,2}[ /(-][0-9 ()./-]+[0-9]"
    r"|(?:[1-9][ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-]?[0-9]{4}"
    r"|0[1-9](?:[ .][0-9]{2}){4}"
    r"|\(?0[1-9](?=(?:[^0-9]*[0-9]){7,11}\Z)[0-9]{0,4}(?:\) ?|[ /]|-(?=[0-9-]{7}))[0-9]{3,8}"
    r"(?:[ -][0-9]{2,5}){0,3}"
)

# The first that fits wins; in one expression, since most texts are tried against all of them.
_FORM: Final = re.compile(
    r"(?P<boolean>(?i:true|false))"
    r"|(?P<answer>(?i:yes|no|y|n|on|off))"
    r"|(?P<integer>-?(?:0|[1-9][0-9]{0,14}))"
    r"|(?P<digits>[0-9]+)"
    r"|(?P<scientific>-?[0-9](?:[.,][0-9]+)?E\+[0-9]{2,3})"
    r"|(?P<exponent>-?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+)"
    r"|(?P<ssn>[0-9]{3}-[0-9]{2}-[0-9]{4})"
    r"|(?P<email>[^@\s]+@[^@\s]+\.[^@\s]+)"
    rf"|(?P<uuid>{UUID})"
    r"|(?P<ip>(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?=.*:.*:)[0-9a-fA-F:]{3,39}(?<!:[0-9]{2}))"
    r"|(?P<agent>(?:Mozilla|Opera)/[0-9.]+ \(.+)"
    r"|(?P<url>(?i:https?)://\S+)"
    r"|(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?)"
    r"|(?P<decimal>-?(?:0|[1-9][0-9]*)\.[0-9]+)"
    rf"|(?P<phone>{_PHONE})"
    rf"|(?P<secret>{_KEYS})"
    r"|(?P<object>\{(?s:.*)\})"
    r"|(?P<list>\[(?s:.*)\])"
)
# All styles read these alike: most numbers, recognised without trying each style.
_PLAIN_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.(?:[0-9]{1,2}|[0-9]{4,})")
_ALL_STYLES: Final = frozenset(NUMBER_STYLES)
_POINT_STYLES: Final = frozenset(("en", "ch", "in"))
_CURRENCIES: Final = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "FR": "CHF", "¥": "JPY"}
_LONGEST_FORM = 2_000
_LONGEST_AMOUNT = 40
_MASK_SHOWN = 32
_RUNS = re.compile(r"(.)\1{7,}")


SHAPE: Final = str.maketrans("12345678", "99999999")
"""Makes a text's shape: digits except 0 become 9. `kind_of` gives the same for it as for the text; so do
`styles_of` and `is_same_in_all` where there is no exponent. A column of thousands of ids has few shapes."""


def shapes_of(texts: Sequence[str]) -> list[str]:
    """The shape of each, in one go."""
    shapes = "\0".join(texts).translate(SHAPE).split("\0")
    return shapes if len(shapes) == len(texts) else [text.translate(SHAPE) for text in texts]


@lru_cache(maxsize=16_384)
def kind_of(text: str) -> Kind:
    """What `text`, which is not blank, looks like."""
    text = text.strip()
    if (len(text) <= _LONGEST_FORM or text[0] in "{[") and (found := _FORM.fullmatch(text)) is not None:
        return cast("Kind", found.lastgroup)
    if len(text) > _LONGEST_AMOUNT:
        return "text"
    return "amount" if styles_of(text) else "none" if is_no_number(text) else "text"


@lru_cache(maxsize=16_384)
def styles_of(text: str) -> frozenset[str]:
    """The ways of writing numbers in which `text` is one."""
    if _PLAIN_INTEGER.fullmatch(text):
        return _ALL_STYLES
    if _PLAIN_DECIMAL.fullmatch(text):
        return _POINT_STYLES
    return styles_that_read(text, NUMBER_STYLES)


@lru_cache(maxsize=16_384)
def currency_of(text: str) -> str:
    """The currency that an amount states, in one spelling; empty where it states none."""
    marks = "".join(letter for letter in text if letter.isalpha() or unicodedata.category(letter) == "Sc")
    return _CURRENCIES.get(marks.upper(), marks.upper())


@lru_cache(maxsize=16_384)
def is_same_in_all(text: str) -> bool:
    """Whether `text` is the same number in each style that reads it: "1,075" is not."""
    if styles_of(text) in (_ALL_STYLES, _POINT_STYLES) and "," not in text and "." not in text[-4:-3]:
        return True
    return len({read_decimal(text, STYLES[style]) for style in styles_of(text)}) <= 1


def masked(text: str) -> str:
    """Letters as `x` and `X`, digits as `9`, long runs cut short: "Ann Lee, 34" is "Xxx Xxx, 99".

    A text without any letter or digit is `x` throughout: its signs are the value ("+" as a test result).
    """
    if not any(map(str.isalnum, text)):
        text = "x" * min(len(text), _MASK_SHOWN + 1)
    shown = "".join(map(_mask, text[:_MASK_SHOWN]))
    return _RUNS.sub(r"\1\1\1...", shown) + ("..." if len(text) > _MASK_SHOWN else "")


def _mask(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "X" if letter.isupper() else "x"
    return letter if letter in " .,:;/@-_()+#$%'\"[]{}" else "x"
