"""Hints for rejects that fit one run better than those for any run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ours_cli.contract import ID_MAX
from ours_cli.mapping.where import only_column, where_not
from ours_cli.rejects.reject_hints import ANY_COLUMN, MEND, reject_hint
from ours_cli.templates.filters import FilterCall
from ours_cli.templates.numerals import DEFAULT_STYLE
from ours_cli.templates.template import parse, placeholder

_IDS: Final = (*ID_MAX, "userProperties.phone_number")


def fitting_hints(command: str, templates: Mapping[str, str], columns: Iterable[str]) -> dict[str, str]:
    """By reject code; `templates` makes the fields. Where nothing is mapped, `columns` map themselves."""
    made = templates or {column: placeholder(column) for column in columns}
    found = {
        code: hint.replace(ANY_COLUMN, flag)
        for code, flag in _leaving_out(made).items()
        if (hint := reject_hint(code, command)) is not None
    }
    styles = [call.argument for text in made.values() for call in _number_calls(text)]
    if styles and DEFAULT_STYLE not in styles:
        found["bad_number"] = MEND
    return found


def _leaving_out(templates: Mapping[str, str]) -> dict[str, str]:
    """The `--where` flag that leaves such rows out, where only one column can be meant."""
    visitor = [path for path in templates if path.partition(".")[0] == "userProperties"]
    needed = {"missing_identifier": _IDS, "missing_time": ("time",), "missing_properties": visitor}
    columns = {code: only_column(templates, paths) for code, paths in needed.items()}
    return {code: where_not(column, "") for code, column in columns.items() if column is not None}


def _number_calls(text: str) -> list[FilterCall]:
    filters = [call for part in parse(text).placeholders for call in part.filters]
    return [call for call in filters if call.name == "number"]
