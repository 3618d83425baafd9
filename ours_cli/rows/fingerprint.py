"""What makes two mappings the same: a digest of all that is set in them, in whatever order it was typed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from ours_cli.mapping.fields import FieldMap
from ours_cli.templates.template import parse


def mapping_digest(parts: Mapping[str, object]) -> str:
    """The digest, 24 hexadecimal digits. What is unset leaves no trace, so that a new field changes none."""
    return digest(json.dumps(_plain(parts), sort_keys=True, default=str))


def digest(text: str) -> str:
    """A digest of 24 hexadecimal digits that no other program makes of the same text."""
    return hashlib.blake2b(text.encode(), digest_size=12, person=b"ours-cli").hexdigest()


def key_digest(fields: FieldMap, key: Callable[[], bytes]) -> str | None:
    """A digest of the hmac filter's key, None where no template uses it.

    With another key the same rows are about other people. Raises `UsageError` when there is no key.
    """
    filters = (
        call.name
        for text in fields.templates().values()
        for placeholder in parse(text).placeholders
        for call in placeholder.filters
    )
    if "hmac" not in filters:
        return None
    return hashlib.blake2b(key(), digest_size=12, person=b"ours-cli-hmac").hexdigest()


def _plain(value: object) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        plain = {str(name): _plain(each) for name, each in value.items()}
        return {name: each for name, each in plain.items() if each not in (None, False, "", [], {})}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
