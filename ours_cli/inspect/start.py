"""What to start from: the command for a file, what must be settled before it is run, and what it sends.

A preset wins over the columns' own proposal: it was written for this export, and knows what to leave behind.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ours_cli.inspect.column import Column
from ours_cli.inspect.command_line import Command, command_line, flag_of, joined, preset_command
from ours_cli.inspect.number_filters import only_style
from ours_cli.inspect.proposal import COLUMN_TO_FILL_IN, KEYS, ZONE_TO_FILL_IN, Proposal
from ours_cli.inspect.roles import Roles
from ours_cli.inspect.time_doubts import order_of
from ours_cli.mapping.fields import TEXT_FIELDS, FieldMap
from ours_cli.mapping.presets import Preset
from ours_cli.source import ReadOptions
from ours_cli.templates.template import parse
from ours_cli.wording.escape import shell_join


@dataclass(frozen=True, slots=True)
class Start:
    """A command to copy, as its words.

    `needs` must be settled before anything can be sent correctly; `notes` are worth a thought; `sent` are the
    names of columns whose values leave with this command. `date_order` is what the times of a preset prove.
    """

    words: Command
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    sent: frozenset[str]
    date_order: str | None = None

    @property
    def command(self) -> str:
        """The command as any shell reads it, whatever characters are in it."""
        return joined(self.words, shlex.join)

    @property
    def shown(self) -> str:
        """The command as it can be shown, and copied from there."""
        return joined(self.words, shell_join)


def proposed(argument: str, told: ReadOptions, proposal: Proposal, roles: Roles) -> Start:
    """The command of the proposal, for the file named `argument`, read as `told`."""
    templates = " ".join(text for key, text in proposal.templates.items() if text and key != "time")
    fielded = (roles.person, roles.email, roles.record_number, roles.event)
    sent = (
        *(column.name for column in fielded if column is not None and column.reference[:-1] in templates),
        *(entry.column.name for entry in proposal.properties if not entry.why_not),
    )
    command = command_line(argument, told, proposal)
    return Start(command, proposal.needs, proposal.notes, frozenset(sent))


def with_preset(
    argument: str,
    told: ReadOptions,
    preset: Preset,
    columns: Mapping[str, Column],
    header: Sequence[str] | None,
) -> Start:
    """The command of a preset, with a flag for the order of day and month that its time column proves.

    `header` is None where each row names its keys.
    """
    missing = list(_missing(preset.map.fields, header)) if header is not None else []
    needs = [need for need, _ in missing]
    flags = [flag for _, flag in missing]
    if preset.demands_zone:
        needs.append(
            "--tz: the export does not say in which zone its times are; put that of the account that made"
            f" it in place of {ZONE_TO_FILL_IN}, such as America/New_York"
        )
        flags.append(["--tz", ZONE_TO_FILL_IN])
    fields, date_order = preset.map.fields, None
    for name in _columns_of(fields.time):
        column = columns.get(name)
        if column is not None and column.is_time:
            order, need = order_of(column)
            flags += [[f"--{order}-first"]] if order else []
            date_order = date_order or order
            needs += [need] if need else []
    needs += _decimal_commas(fields, columns)
    values = (
        *fields.properties.values(),
        *fields.user_properties.values(),
        *fields.default_properties.values(),
    )
    texts = (
        fields.event, fields.external_id, fields.email, fields.distinct_id, *(value.text for value in values)
    )  # fmt: skip
    sent = frozenset(name for text in texts for name in _columns_of(text))
    command = preset_command(argument, _beside(told, preset), preset, flags)
    return Start(command, tuple(needs), (), sent, date_order)


def _missing(fields: FieldMap, header: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """What the export lacks of that without which the preset cannot be used, and the flag to fill in.

    Exports differ by settings.
    """
    names = {name.strip() for name in header}
    for key in KEYS:
        flag, template = flag_of(key), getattr(fields, TEXT_FIELDS[key])
        lacking = [name for name in _columns_of(template) if name not in names]
        if template is None or not lacking:
            continue
        listed = " and ".join(map(repr, lacking))
        fate = "which is no column here" if len(lacking) == 1 else "which are no columns here"
        need = (
            f"{flag}: the preset takes it from {listed}, {fate};"
            f" put the name of one that is in place of {COLUMN_TO_FILL_IN}"
        )
        yield need, [flag, to_fill_in(template, lacking)]


def _decimal_commas(fields: FieldMap, columns: Mapping[str, Column]) -> Iterator[str]:
    """Which properties the preset misreads, as a spreadsheet of another region saved the export again."""
    for key, value in fields.properties.items():
        for column in map(columns.get, _columns_of(value.text)):
            if column is None or value.text != column.reference[:-1] + "|number}":
                continue
            if only_style(column) == "de":
                flag = shell_join(["-p", f"{key}={value.text[:-1]}:de}}"])
                yield (
                    f"{flag}: the preset reads {column.name!r} like 1,234.50, and it is written like 1.234,50"
                )


def to_fill_in(template: str, lacking: Iterable[str]) -> str:
    """The template of a preset with a name to be replaced where it has one of these columns."""
    for name in lacking:
        template = template.replace(f"{{{name}}}", f"{{{COLUMN_TO_FILL_IN}}}")
    return template


def _columns_of(template: str | None) -> tuple[str, ...]:
    return parse(template).columns if template else ()


def _beside(told: ReadOptions, preset: Preset) -> ReadOptions:
    """The reading options needed in addition to the preset's own."""
    source, usual = preset.map.source, ReadOptions()
    said: dict[str, Any] = {
        key: getattr(usual, key)
        for key in ("format", "delimiter", "quote", "encoding", "no_header")
        if key in source and getattr(told, key) == source[key]
    }
    return replace(told, **said)
