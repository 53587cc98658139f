"""Reads a CSV file of labels and finds the column that names the images."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from interpret_inn.errors import DataError

Key = Callable[[str], str]


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file, as text.

    Attributes:
        name: The file's name.
        columns: By heading, one text for each row.
    """

    name: str
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


def read_table(path: Path) -> Table:
    """Reads a CSV file in UTF-8, with a heading; commas, semicolons or tabs between the cells.

    Raises:
        DataError: no such file, no table, or rows of several lengths.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Expected a CSV file in UTF-8, but {path} cannot be read: {error}") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    if len(rows) < 2:
        raise DataError(f"Expected a heading and at least one row in {path.name}, found {len(rows)} line(s).")
    heading = [cell.strip() for cell in rows[0]]
    if len(set(heading)) < len(heading):
        raise DataError(f"Expected a different name for every column of {path.name}, found {heading}.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(heading):
            raise DataError(f"Expected {len(heading)} cells in row {number} of {path.name}, not {len(row)}.")
    return Table(path.name, {name: [row[at].strip() for row in rows[1:]] for at, name in enumerate(heading)})


def _whole(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).as_posix()


def _last(name: str) -> str:
    return PurePosixPath(_whole(name)).name


def _stem(name: str) -> str:
    return PurePosixPath(_whole(name)).stem


_KEYS: tuple[tuple[Key, Key], ...] = ((_whole, _whole), (_last, _last), (_last, _stem))
"""Ways to compare a cell with a file, the strictest first: by path, by name, by name without its ending."""


@dataclass(frozen=True)
class Match:
    """Which row of a table belongs to which file.

    Attributes:
        column: The column that names the files.
        row_of: For every file its row, or None.
        unused: Cells of the column that no file matches.
    """

    column: str
    row_of: list[int | None]
    unused: list[str]


def match_files(table: Table, files: Sequence[str]) -> Match:
    """Finds the column with the most cells that name a file (by path, name, or name without ending).

    Args:
        table: The table.
        files: Paths relative to the folder, with forward slashes.

    Raises:
        DataError: no column names any file, the column names one twice, or two files have the name that it uses.
    """
    best: tuple[int, str, Key, Key] | None = None
    for column, cells in table.columns.items():
        for of_cell, of_file in _KEYS:
            known = {of_file(name) for name in files}
            hits = sum(of_cell(cell) in known for cell in cells)
            if hits and (best is None or hits > best[0]):
                best = (hits, column, of_cell, of_file)
    if best is None:
        raise DataError(
            f"Expected a column of {table.name} that names the images (such as {files[0]!r}), "
            f"found none among {list(table.columns)}."
        )
    _, column, of_cell, of_file = best
    rows: dict[str, int] = {}
    for row, cell in enumerate(table.columns[column]):
        if of_cell(cell) in rows:
            raise DataError(
                f"Expected every image once in column {column!r} of {table.name}, not {cell!r} twice."
            )
        rows[of_cell(cell)] = row
    _refuse_shared(files, of_file, rows, table.name)
    keys = [of_file(name) for name in files]
    unused = [table.columns[column][row] for key, row in rows.items() if key not in set(keys)]
    return Match(column, [rows.get(key) for key in keys], unused)


def _refuse_shared(files: Sequence[str], of_file: Key, rows: dict[str, int], table: str) -> None:
    """Refuses files of one name in several folders, which a cell with that name cannot tell apart."""
    seen: dict[str, str] = {}
    for name in files:
        key = of_file(name)
        if key in seen and key in rows:
            raise DataError(
                f"Expected {table} to tell {seen[key]!r} and {name!r} apart, found only {key!r}. "
                "Write paths relative to the folder."
            )
        seen[key] = name


def parse_column(cells: Sequence[str]) -> list[Any]:
    """Whole numbers, else numbers (an empty cell is NaN), else text (an empty cell is None).

    >>> parse_column(["1", "2"]), parse_column(["1", ""]), parse_column(["a", ""])
    ([1, 2], [1.0, nan], ['a', None])
    """
    for kind in (int, float):
        try:
            return [kind(cell) if cell or kind is int else float("nan") for cell in cells]
        except ValueError:
            continue
    return [cell or None for cell in cells]
