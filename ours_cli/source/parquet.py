"""Parquet files: rows as JSON objects, with their types, row group by row group.

The only file that opens them. pyarrow is an extra (`parquet`) and loads when the first such file is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ours_cli.errors import SourceError, UsageError
from ours_cli.record import STRETCH_MAX, RowStream, Stretch, Table
from ours_cli.source.options import ReadOptions
from ours_cli.source.parquet_values import Convert, UnsupportedTypeError, readable

_BUFFER_BYTES: Final = 256 * 1024
"""Read ahead per column: without a bound, pyarrow takes a whole row group into memory."""


def open_parquet(path: Path, options: ReadOptions) -> Table:
    """Open a file as a table of JSON rows, its rows numbered from 1.

    Raises `SourceError` where pyarrow is missing or the file is damaged, `UsageError` for reading flags that
    only text can have.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise _missing_extra(path) from None
    try:
        file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    schema = file.schema_arrow
    _refuse_repeated_names(path, schema.names)
    _refuse_text_options(path, options)
    columns = _Columns(schema)
    notes = [
        f"column {name} is not read: no event can hold {kind}" for name, kind in columns.unreadable.items()
    ]
    rows = _Rows(file, path, columns)
    return Table(
        name=str(path),
        format="parquet",
        columns=None if schema.names else (),
        records=RowStream(rows.stretches()),
        notes=notes,
        size=rows.size,
        position=rows.position,
        keys=tuple(columns.names),
        unreadable=columns.unreadable,
        close=rows.close,
    )


class _Columns:
    """Which columns are read, and how; `unreadable` names the others with their types."""

    def __init__(self, schema: Any, *, damaged: bool = False) -> None:
        self.names: list[str] = []
        self.unreadable: dict[str, str] = {}
        self._read: list[tuple[int, Any, Convert | None]] = []
        for index, field in enumerate(schema):
            try:
                kind, convert = readable(field.type, damaged=damaged)
            except UnsupportedTypeError:
                self.unreadable[field.name] = str(field.type)
                continue
            self.names.append(field.name)
            self._read.append((index, kind, convert))

    def rows(self, batch: Any) -> list[dict[str, Any]]:
        """The rows of a record batch; a key whose value is null is not in its row."""
        if not self.names:
            return [{} for _ in range(batch.num_rows)]
        cells = []
        for index, kind, convert in self._read:
            column = batch.column(index)
            values = (column if column.type == kind else column.cast(kind)).to_pylist()
            if convert is not None:
                values = [None if value is None else convert(value) for value in values]
            cells.append(values)
        names = self.names
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in zip(*cells, strict=True)
        ]


class _Rows:
    """The rows of one file, read from its beginning."""

    def __init__(self, file: Any, path: Path, columns: _Columns) -> None:
        self.size = path.stat().st_size
        self._file = file
        self._path = path
        self._columns = columns
        self._total: int = file.metadata.num_rows
        # One thread: rows come no faster than they are sent, and nothing runs on when the program ends.
        self._batches = file.iter_batches(STRETCH_MAX, use_threads=False)
        self._done = 0  # rows handed on
        self._damaged: _Columns | None = None

    def position(self) -> int:
        """How far reading is, in bytes of the file: all rows are taken to be of the same size."""
        return self.size * self._done // self._total if self._total else self.size

    def stretches(self) -> Iterator[Stretch]:
        """The rows, batch by batch."""
        while (rows := self._next_rows()) is not None:
            if rows:
                first = self._done + 1
                self._done += len(rows)
                yield Stretch(range(first, first + len(rows)), rows)

    def close(self) -> None:
        """Close the file, and let go of what was read ahead: tables are kept to the end of a run."""
        self._file.close()
        self._batches = iter(())

    def _next_rows(self) -> list[dict[str, Any]] | None:
        """The rows of the next record batch; None at the end."""
        try:
            batch = next(self._batches, None)
        except (OSError, ValueError) as error:
            raise _damaged(self._path) from error
        return None if batch is None else self._rows(batch)

    def _rows(self, batch: Any) -> list[dict[str, Any]]:
        try:
            return self._columns.rows(batch)
        except UnicodeDecodeError:
            self._damaged = self._damaged or _Columns(self._file.schema_arrow, damaged=True)
            return self._damaged.rows(batch)


def _damaged(path: Path) -> SourceError:
    return SourceError(
        f"{path} is a Parquet file that cannot be read: it is damaged, or written in a way that pyarrow does"
        " not know",
        hint="fetch it again; `parquet-tools inspect` or DuckDB may say more",
    )


def _missing_extra(path: Path) -> SourceError:
    return SourceError(
        f"{path} is a Parquet file, and the extra that reads them is not installed",
        hint="pip install 'ours-cli[parquet]', or `pipx inject ours-cli pyarrow`",
    )


def _refuse_repeated_names(path: Path, names: list[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise SourceError(
            f"{path}: several columns are named {repeated!r}", hint="export it with another name for each"
        )


def _refuse_text_options(path: Path, options: ReadOptions) -> None:
    for flag, is_given in (
        ("--format", options.format is not None),
        ("--skip-lines", options.skip_lines),
        ("--header-row", options.header_row is not None),
        ("--no-header", options.no_header),
    ):
        if is_given:
            raise UsageError(f"{flag} is for text, and {path} is a Parquet file", hint="leave it out")
