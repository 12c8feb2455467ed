"""Columns of numbers from a table; every error names the line, the column and the text found there.

`read_table` is the entry point for every table that a user provides: labels beside a video, camera traces, sensor
recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from rppg_core.tables.cells import CellError, is_value, numbers
from rppg_core.tables.rows import NAMES, SEPARATE, Rows, read_rows, split_cells
from rppg_core.tables.text import TableError, shown, wanted_text

SAME_COUNT = "repair that line, or export the table again; start lines that do not belong to it with #"


@dataclass(frozen=True)
class Table:
    """A table of rows by `names`. Cells are converted only when their column is read: other columns may hold text."""

    names: tuple[str, ...]  # () if the table has none
    cells: Rows

    @property
    def path(self) -> Path:
        return self.cells.path

    @property
    def n_columns(self) -> int:
        return len(self.cells.rows[0])

    def __len__(self) -> int:
        return len(self.cells.rows)

    def place(self, name: str) -> int:
        """Index of the column of this name.

        Raises:
            TableError: no column has this name, or more than one does.
        """
        if (count := self.names.count(name)) != 1:
            what = (
                f"has {count} columns called {name!r}"
                if count
                else f"has the columns {', '.join(self.names)}"
            )
            raise TableError(
                self.path,
                what,
                wanted=f"one column {name}",
                do="name the columns in the first line",
            )
        return self.names.index(name)

    def numbers(self, column: str | int) -> Float[np.ndarray, " row"]:
        """A column; NaN where a cell is blank or marks a missing value.

        Raises:
            TableError: there is no such column, or a cell of it is not a number.
        """
        place = self.place(column) if isinstance(column, str) else column
        cells = [row[place] for row in self.cells.rows]
        try:
            return numbers(cells, self.cells.decimal)
        except CellError as error:
            raise self.cells.error(
                error.place,
                f"{self._column(place)}: {shown(cells[error.place])} {error.what}",
                wanted="numbers, such as 0.033",
                do=error.do,
            ) from error

    def where(self, rows: Bool[np.ndarray, " row"]) -> Table:
        """The table restricted to the rows where the mask is True."""
        return self.at(np.flatnonzero(rows))

    def at(self, kept: Int[np.ndarray, " row"]) -> Table:
        """The rows at these places, in this order."""
        cells = replace(
            self.cells, rows=[self.cells.rows[k] for k in kept], lines=[self.cells.lines[k] for k in kept]
        )
        return replace(self, cells=cells)

    def complete(self, column: str | int) -> Float[np.ndarray, " row"]:
        """A column that must not have gaps.

        Raises:
            TableError: as in `numbers`, or a value is missing; the message names its line.
        """
        values = self.numbers(column)
        if len(gaps := np.flatnonzero(np.isnan(values))):
            k, place = int(gaps[0]), self.place(column) if isinstance(column, str) else column
            more = f" (and {len(gaps) - 1} more)" if len(gaps) > 1 else ""
            raise self.cells.error(
                k,
                f"{self._column(place)}: {shown(self.cells.rows[k][place])} is not a value{more}",
                wanted="a number in every row",
                do="fill it in, or remove the row",
            )
        return values

    def increasing(self, column: str | int) -> Float[np.ndarray, " row"]:
        """A column of times, each later than the one before.

        Raises:
            TableError: as in `complete`, or a time is repeated or goes back; the message names its line.
        """
        values = self.complete(column)
        if len(back := np.flatnonzero(~(np.diff(values) > 0))):
            k, place = int(back[0]) + 1, self.place(column) if isinstance(column, str) else column
            more = f" (and {len(back) - 1} more)" if len(back) > 1 else ""
            raise self.cells.error(
                k,
                f"{self._column(place)}: {self.cells.rows[k][place]} comes after "
                f"{self.cells.rows[k - 1][place]}{more}",
                wanted="times that increase",
                do="sort whole rows by time, and keep one row per time",
            )
        return values

    def _column(self, place: int) -> str:
        return f", column {self.names[place] or place + 1}" if self.names else f", column {place + 1}"


def read_table(path: Path, *, header: bool, columns: int | None = None, example: str = "") -> Table:
    """A table of numbers in any dialect.

    Args:
        path: text with commas, semicolons, tabs, bars or blanks between cells, decimal points or commas, quoted or
            unquoted cells, and comments, in any Unicode encoding or code page 1252.
        header: whether the first line names the columns; it may be a comment, as written by numpy.savetxt.
        columns: required number of columns.
        example: correct lines, for messages.

    Returns:
        The table; blank cells after the last column are dropped.

    Raises:
        TableError: no table, a missing or unexpected header, rows of different length, a wrong number of columns.
    """
    found = read_rows(path, example=example)
    if not header:
        _require_no_header(found)
        return Table((), _even(found, columns or _filled(found.rows[0]), " in each line"))
    names, body = _named(found)
    if columns is not None and len(names) != columns:
        raise TableError(
            path,
            f"has {len(names)} columns: {', '.join(names)}",
            wanted=wanted_text(example),
            do=f"keep {columns}",
        )
    return Table(names, _even(body, len(names), f", one for each name ({', '.join(names)})"))


def read_names(path: Path) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        TableError: no table, or one without names.
    """
    return _named(read_rows(path))[0]


def read_number_rows(path: Path, *, example: str = "") -> list[Float[np.ndarray, " cell"]]:
    """Rows of numbers that may differ in length, without a header.

    Raises:
        TableError: no table, or a cell that is not a number.
    """
    found = read_rows(path, example=example)
    if found.delimiter == "," and not found.quoted and {len(row) for row in found.rows} == {2}:
        raise found.error(
            0,
            f": in {found.text(0)} the comma can be a decimal sign or separate two numbers",
            wanted="decimal points, or blanks between numbers",
            do=SEPARATE,
        )
    rows = []
    for k, row in enumerate(found.rows):
        cells = row[: _filled(row)]
        try:
            rows.append(numbers(cells, found.decimal))
        except CellError as error:
            raise found.error(
                k, f": {shown(cells[error.place])} {error.what}", wanted="numbers only", do=error.do
            ) from error
    return rows


def n_cells(count: int, delimiter: str = "") -> str:
    """A number of cells and their delimiter, in words."""
    words = "1 cell" if count == 1 else f"{count} cells"
    return f"{words} separated by {NAMES[delimiter]}" if delimiter in NAMES and count > 1 else words


def _filled(row: list[str]) -> int:
    """Cells up to the last one that is not blank."""
    return max((k + 1 for k, cell in enumerate(row) if cell), default=0)


def _is_header(row: list[str]) -> bool:
    return not all(map(is_value, row))


def _require_no_header(found: Rows) -> None:
    if _is_header(found.rows[0]):
        raise found.error(
            0,
            f" is {found.text(0)}",
            wanted="numbers from the first line on, without names",
            do="remove that line, or start it with #",
        )


def _named(found: Rows) -> tuple[tuple[str, ...], Rows]:
    """The names of the columns, and the rows below them."""
    if _is_header(found.rows[0]):
        names = tuple(found.rows[0][: _filled(found.rows[0])])
        body = replace(found, rows=found.rows[1:], lines=found.lines[1:])
        if not body.rows:
            raise TableError(
                found.path,
                f"holds only names: {', '.join(names)}",
                wanted=wanted_text(found.example),
                do="add the numbers",
            )
        return names, body
    for names in _commented_names(found):
        return names, found
    raise found.error(
        0,
        f" holds numbers ({found.text(0)}) where the names of the columns should be",
        wanted=wanted_text(found.example),
        do="put a line with the names of the columns first",
    )


def _commented_names(found: Rows) -> Iterator[tuple[str, ...]]:
    """Names in comments before the first row, the last one first."""
    width = _filled(found.rows[0])
    for line in reversed(found.comments):
        cells = split_cells(line.text.strip().strip("\"'").lstrip("#%/; "), found.delimiter)
        if line.number < found.lines[0] and _filled(cells) >= width and _is_header(cells):
            yield tuple(cells[: _filled(cells)])


def _even(found: Rows, count: int, of: str) -> Rows:
    """Rows of `count` cells.

    Raises:
        TableError: a row has fewer cells, or more that are not blank.
    """
    for k, row in enumerate(found.rows):
        if len(row) >= count and not any(row[count:]):
            continue
        split = (
            found.delimiter == ","
            and not found.quoted
            and count < len(row) <= 2 * count
            and all(map(is_value, row))
        )
        hint = ": decimal commas, and commas between cells?" if split else ""
        raise found.error(
            k,
            f" has {n_cells(len(row), found.delimiter)}{hint} ({found.text(k)})",
            wanted=f"{n_cells(count)}{of}",
            do=SEPARATE if split else SAME_COUNT,
        )
    return replace(found, rows=[row[:count] for row in found.rows])
