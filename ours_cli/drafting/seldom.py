"""What is mapped too seldom for code of its own."""

from __future__ import annotations


class SeldomError(Exception):
    """Something that is not worth a column of its own: rows with it are read one by one."""
