"""Sources: files and standard input, turned into tables of records and of rows that could not be read."""

from __future__ import annotations

from ours_cli.source.arguments import expand
from ours_cli.source.header import DoubtfulHeaderError
from ours_cli.source.midway import rows_midway
from ours_cli.source.opening import open_table
from ours_cli.source.options import ReadOptions
from ours_cli.source.raw_record import parse_raw

__all__ = ["DoubtfulHeaderError", "ReadOptions", "expand", "open_table", "parse_raw", "rows_midway"]
