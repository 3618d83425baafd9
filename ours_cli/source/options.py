"""What the person said about how a source is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ours_cli.errors import UsageError
from ours_cli.source.text_encoding import decoder

SourceFormat: TypeAlias = Literal["csv", "tsv", "ndjson", "json"]

_SPELLED_DELIMITERS = {"\\t": "\t", "tab": "\t"}
_NAMED_DELIMITERS = {"semicolon": ";", "comma": ",", "pipe": "|", "colon": ":", "space": " "}
_LINE_ENDS = "\r\n"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The reading flags. None means: find out from the source's name and content.

    `quote` is one character; `""` or `"none"` says that nothing is quoted. `skip_lines` counts physical
    lines; `header_row` is the number of one, from 1, and excludes `skip_lines` and `no_header`.
    `objects_only`: a table would be refused, so lines that look like none are JSON, however broken.
    Raises `UsageError` where a value can never work.
    """

    format: SourceFormat | None = None
    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    skip_lines: int = 0
    no_header: bool = False
    header_row: int | None = None
    objects_only: bool = False

    def __post_init__(self) -> None:
        _refuse_unknown_encoding(self.encoding)
        delimiter, quote = self.told_delimiter, self.quote_character
        if delimiter is not None and (len(delimiter) != 1 or delimiter in _LINE_ENDS):
            sign = _NAMED_DELIMITERS.get(delimiter.lower())
            hint = f"--delimiter '{sign}'" if sign else "write a tab as `--delimiter tab`"
            raise UsageError("--delimiter takes one character", hint=hint)
        if len(quote) > 1 or (quote and quote in _LINE_ENDS):
            raise UsageError("--quote takes one character, or `none`")
        if quote and delimiter == quote:
            raise UsageError("--delimiter and --quote are the same character")
        if self.skip_lines < 0:
            raise UsageError("--skip-lines takes a number from 0")
        if self.header_row is not None:
            self._check_header_row(self.header_row)

    def _check_header_row(self, line: int) -> None:
        if line < 1:
            raise UsageError("--header-row takes the number of a line, from 1")
        if self.skip_lines:
            raise UsageError(
                "--header-row and --skip-lines say both where the table begins",
                hint="keep --header-row: lines above it are passed over, and counted from the file's first",
            )
        if self.no_header:
            raise UsageError("--header-row and --no-header exclude each other", hint="keep one of them")

    @property
    def lines_above(self) -> int:
        """How many physical lines are above the table."""
        return self.skip_lines if self.header_row is None else self.header_row - 1

    @property
    def told_delimiter(self) -> str | None:
        """The delimiter the flags name, as the character itself; None to detect it."""
        if self.delimiter is not None:
            return _SPELLED_DELIMITERS.get(self.delimiter.lower(), self.delimiter)
        return "\t" if self.format == "tsv" else None

    @property
    def quote_character(self) -> str:
        """The quote character; empty where nothing is quoted."""
        if self.quote is None:
            return '"'
        return "" if self.quote.lower() == "none" else self.quote


def _refuse_unknown_encoding(name: str | None) -> None:
    if name is None:
        return
    try:
        # Decoding tells text encodings from codecs such as base64 and rot13; a look-up would not.
        b"\xe9".decode(name, "replace")
        # Some decode only as if all were valid.
        decoder(name).decode(b"\xe9", final=True)
    except (LookupError, ValueError) as error:
        raise UsageError(
            "--encoding does not name a known text encoding",
            hint="for example utf-8, utf-16, cp1252, latin-1",
        ) from error
