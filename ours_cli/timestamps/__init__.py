"""Times as people and tools write them → integer milliseconds since the Unix epoch, never by guessing.

`TimeReader` reads a column, `parse_zone` a zone's name; `ColumnSurvey` finds out how a whole column writes
its times.
"""

from __future__ import annotations

from ours_cli.timestamps.column import ColumnSurvey, Place, is_plain
from ours_cli.timestamps.epoch import UNITS, EpochUnit
from ours_cli.timestamps.problem import TimeProblem
from ours_cli.timestamps.reader import Conventions, TimeReader, TimeRules
from ours_cli.timestamps.written import DateOrder, stated_order
from ours_cli.timestamps.zones import parse_zone, zone_in_header

__all__ = [
    "UNITS",
    "ColumnSurvey",
    "Conventions",
    "DateOrder",
    "EpochUnit",
    "Place",
    "TimeProblem",
    "TimeReader",
    "TimeRules",
    "is_plain",
    "parse_zone",
    "stated_order",
    "zone_in_header",
]
