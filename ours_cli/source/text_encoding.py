"""Which encoding a source is in, and what stands for bytes that are not valid in it."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from ours_cli.reject_marks import is_rejects_file

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUL_SAMPLE_BYTES = 4096


class TextEncoding(NamedTuple):
    """A codec, the bytes of byte order mark to drop, and what to tell the person, if anything."""

    codec: str
    bom: int = 0
    note: str | None = None


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """Lone surrogates for undecodable bytes, in every codec what `surrogateescape` is for UTF-8."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(chr(0xDC80 | byte) for byte in damaged), error.end


codecs.register_error("ours.stand_in", _stand_in)


def decoder(codec: str) -> codecs.IncrementalDecoder:
    """A decoder that never fails: bytes that are not valid become lone surrogates."""
    errors = "surrogateescape" if codec == "utf-8" else "ours.stand_in"
    return codecs.getincrementaldecoder(codec)(errors=errors)


def is_intact(text: str) -> bool:
    """Whether `text` holds no stand-in for undecodable bytes."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def detect_encoding(data: bytes, *, complete: bool, told: str | None) -> TextEncoding:
    """The encoding of a source that begins with `data`; `told` is what the person said, and wins.

    Only a rejects file is UTF-8 whatever they said of its source, unless an editor saved it otherwise.
    """
    told_codec = None if told is None else codecs.lookup(told).name
    for mark, codec in _BOMS:
        family = codec.removesuffix("-le").removesuffix("-be")
        if data.startswith(mark) and (told_codec is None or told_codec.startswith(family)):
            return TextEncoding(codec, len(mark), f"{codec.upper()} by its byte order mark")
    wide = _wide_codec(data)
    if told_codec is not None:
        if told_codec != "utf-8" and is_rejects_file(data) and _may_be_utf8(data, complete=complete):
            bom = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
            return TextEncoding("utf-8", bom, "a rejects file, read as UTF-8 despite --encoding")
        if told_codec == "utf-16" and wide:
            return TextEncoding(wide)
        # Without a mark, Python's codec would refuse to begin.
        return TextEncoding(f"{told_codec}-le" if told_codec in ("utf-16", "utf-32") else told_codec)
    if wide:
        return TextEncoding(wide, note=f"{wide.upper()} without a byte order mark (detected)")
    return _utf8_or_western(data, complete=complete)


def _wide_codec(data: bytes) -> str | None:
    """UTF-16 without a mark: in Western text every other byte is NUL, from the very first character on."""
    head = data[: min(len(data), _NUL_SAMPLE_BYTES) & ~1]
    if len(head) < 4 or (head[0] == 0) == (head[1] == 0):
        return None
    pairs = len(head) // 2
    first, second = head[0::2].count(0) / pairs, head[1::2].count(0) / pairs
    if second > 0.4 and first < 0.05:
        return "utf-16-le"
    return "utf-16-be" if first > 0.4 and second < 0.05 else None


def _utf8_or_western(data: bytes, *, complete: bool) -> TextEncoding:
    """UTF-8, unless several lines say otherwise and none supports it.

    A single bad line may as well be damage in a UTF-8 file, so it is left to be rejected on its own. In a
    rejects file, which is UTF-8, bad lines may be all there is.
    """
    told_apart = _told_apart(data, complete=complete)
    if any(told_apart) or len(told_apart) < 2 or is_rejects_file(data):
        return TextEncoding("utf-8")
    # Only Excel's "CSV (Macintosh)" ends lines like this.
    if b"\r" in data and b"\n" not in data:
        codec = "mac-roman"
    else:
        codec = "cp1252" if _fits(data, "cp1252") else "latin-1"
    return TextEncoding(codec, note=f"not valid UTF-8, read as {codec} (detected; --encoding to change)")


def _may_be_utf8(data: bytes, *, complete: bool) -> bool:
    """Whether some line is UTF-8 for certain, or all are ASCII so far."""
    told_apart = _told_apart(data, complete=complete)
    return any(told_apart) or not told_apart


def _told_apart(data: bytes, *, complete: bool) -> list[bool]:
    """For each line that is more than ASCII, whether it is valid UTF-8."""
    if data.isascii():
        return []  # in a tenth of the time
    lines = data.splitlines()
    if not complete and len(lines) > 1:
        lines.pop()
    return [_fits(line, "utf-8") for line in lines if not line.isascii()]


def _fits(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def ends_in_character(data: bytes) -> bool:
    """Whether these bytes are valid UTF-8 but for a last character of which only the beginning is there."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    try:
        utf8.decode(data)
    except UnicodeDecodeError:
        return False
    return bool(utf8.getstate()[0])
