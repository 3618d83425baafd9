"""Which flag leaves rows out that have no value where one is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ours_cli.contract import ID_MAX
from ours_cli.mapping.where import only_column, where_not

_IDS: Final = (*ID_MAX, "userProperties.phone_number")


def leaving_out(templates: Mapping[str, str]) -> dict[str, str]:
    """By reject code the `--where` flag, where only one column can be meant; `templates` makes the fields."""
    visitor = [path for path in templates if path.startswith("userProperties.")]
    needed = {"missing_identifier": _IDS, "missing_time": ("time",), "missing_properties": visitor}
    columns = {code: only_column(templates, paths) for code, paths in needed.items()}
    return {code: where_not(column, "") for code, column in columns.items() if column is not None}
