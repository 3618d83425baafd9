"""Times as people and tools write them → integer milliseconds since the Unix epoch, never by guessing.

`TimeReader` reads a column, `parse_zone` a zone's name; `stated_order` helps to decide the order of day and
month from a whole column.
"""

from __future__ import annotations

from ours_cli.timestamps.problem import TimeProblem
from ours_cli.timestamps.reader import TimeReader, TimeRules
from ours_cli.timestamps.written import stated_order
from ours_cli.timestamps.zones import parse_zone

__all__ = ["TimeProblem", "TimeReader", "TimeRules", "parse_zone", "stated_order"]
