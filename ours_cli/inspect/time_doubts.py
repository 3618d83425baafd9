"""What a column of times leaves open: which only the person can settle, and is told before anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ours_cli.inspect.column import Column


def order_of(column: Column) -> tuple[str | None, str | None]:
    """The order of day and month that a column of times proves, else what must be settled, if anything."""
    order = column.moments.order
    if order is None or order == "day" or order == "month":
        return order, None
    why = "no number above 12 tells" if order == "unknown" else "its dates contradict each other"
    return None, f"--day-first or --month-first: day or month in {column.name!r}? {why}"


def doubts_about(column: Column) -> Iterator[str]:
    """What must be settled before all times of this column can be read, whatever their order and zone."""
    if column.looks_like_excel_days:
        yield (
            f"--time-format excel: {column.name!r} looks like Excel's numbers of days; compare a date of the"
            " dry run with the export"
        )
    elif len(units := column.moments.epoch_units) > 1:
        yield (
            f"--time: {column.name!r} holds epoch numbers of several units ({', '.join(units)}); send the"
            " rows of each in a run of their own"
        )
    elif not column.is_time:
        yield (
            f"--time: {_percent(column)} of {column.name!r} can be read as times; the other rows will be"
            " rejected (bad_time), unless --time-format tells an unusual form"
        )


def unread_times(column: Column, place: str) -> Iterator[str]:
    """What becomes of the rows whose time cannot be read, where most can; `place` numbers the rows."""
    stated = column.moments.stated_times
    if column.is_time and stated < column.filled:
        odd = column.odd_cells("times", stated, column.moments.first_unread, place)
        yield f"{column.name!r} {odd}: such rows will be rejected (bad_time)"


def hours_left(date: Column, columns: Sequence[Column]) -> Iterator[str]:
    """What to say of columns of hours beside dates without an hour, where nothing tells that they belong."""
    for clock in columns if date.type == "date" else ():
        if clock.is_clock:
            yield (
                f"{date.name!r} states no hour, so its times are midnight; if {clock.name!r} holds the hours,"
                f" --time '{date.reference} {clock.reference}' reads both"
            )


def zones_of_people(columns: Sequence[Column]) -> str:
    """A warning of columns that hold zones, but by their names not those of the times."""
    names = [repr(column.name) for column in columns if column.names_zones]
    return f"; the zones in {', '.join(names)} may be those of people, not of the times" if names else ""


def no_times(columns: Sequence[Column], unread: Column | None) -> str:
    """What to say where no column is taken for the time: how much of the likeliest could be read.

    `unread` is one that is named for times.
    """
    named = [column for column in columns if column.moments.share]
    likeliest = max(named, key=lambda column: column.moments.share, default=None)
    seen = "" if likeliest is None else f" ({_percent(likeliest)} of {likeliest.name!r} can)"
    if likeliest is None and unread is not None:
        seen = f" ({unread.name!r}, named for them, is not written in a form that is known)"
    return f"--time: no column could be read as times{seen}; --time-format tells an unusual form"


def _percent(column: Column) -> str:
    return f"{min(99, max(1, round(100 * column.moments.share)))}%"
