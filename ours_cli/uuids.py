"""How a UUID is written."""

from __future__ import annotations

from typing import Final

UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""A pattern without groups, for a UUID with hyphens in either case."""
