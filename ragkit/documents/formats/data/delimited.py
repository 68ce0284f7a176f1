"""Delimited tables (csv, tsv) → Document: a line of text a row, cells parted by " | ".

Delimiter and header are told from the first rows. Line numbers stay the file's own unless cells
hold line breaks; then rows are numbered. Knows no spreadsheet formats.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from ragkit.documents.budget import Budget
from ragkit.documents.containers import Member
from ragkit.documents.decoding import decode, read_text
from ragkit.documents.layout.records import record
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Locator, Table

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_LONGEST_HEADER_CELL = 100  # characters
_LONGEST_CELL = 131_072  # characters: the csv module takes no longer ones


class _Row(NamedTuple):
    """Cells, and the lines of the file they stand on, from 1, inclusive."""

    cells: list[str]
    first: int
    last: int


def read_table(data: bytes, name: str) -> Document:
    """A csv or tsv file with one `Table`. What is no table by its looks is read as text."""
    text, encoding, warnings, told_by = decode(data)
    try:
        rows = list(_rows(text, _delimiter(text, name)))
    except csv.Error as error:
        note = f"not read as a table: {error}"
        return replace(read_text(data, name), warnings=(*warnings, note))
    single = all(row.first == row.last for row in rows)
    above, header = _header(rows)
    lines = [_line(row.cells) for row in rows]
    places = [row.first - 1 if single else at for at, row in enumerate(rows)]  # line of each row
    laid_out = [""] * (places[-1] + 1 if places else 0)
    for place, line in zip(places, lines, strict=True):
        laid_out[place] = line
    starts = [0]
    for line in laid_out:
        starts.append(starts[-1] + len(line) + 1)
    tables: tuple[Table, ...] = ()
    if above < len(rows):
        start, end = starts[places[above]], starts[-1] - 1
        tables = (Table(start, end, starts[places[above + 1]] if header else start),)
    numbered = (
        () if single else tuple(Locator(starts[place], "row", str(place + 1)) for place in places)
    )
    return Document(
        "\n".join(laid_out),
        "text/csv",
        title=lines[0] if above == 1 else None,
        lines=single,
        locators=numbered,
        tables=tables,
        encoding=encoding,
        encoding_by=told_by,
        warnings=warnings,
    )


def _line(cells: Sequence[str]) -> str:
    return " | ".join(" ".join(cell.split()) for cell in _trimmed(cells))


def table_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A document for every row below the header, named by the number of the row."""
    text, encoding, _, told_by = decode(data)
    try:
        rows = list(_rows(text, _delimiter(text, name)))
    except csv.Error as error:
        raise DocumentError(f"not a table: {error}") from error
    above, header = _header(rows)
    names = rows[above].cells if header else []
    for number, row in enumerate(rows[above + header :], above + header + 1):
        budget.member()
        pairs = [
            (names[at] if at < len(names) else f"column {at + 1}", cell)
            for at, cell in enumerate(row.cells)
            if cell.strip()
        ]
        if pairs:
            made = record(pairs, "text/csv")
            yield Member(
                str(number), document=replace(made, encoding=encoding, encoding_by=told_by)
            )


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """The rows that hold anything. Raises csv.Error."""
    reader = csv.reader(
        (f"{line}\n" for line in text.split("\n")), delimiter=delimiter, strict=False
    )
    last = 0
    for cells in reader:
        first, last = last + 1, reader.line_num
        if any(cell.strip() for cell in cells):
            yield _Row(cells, first, last)


def _delimiter(text: str, name: str) -> str:
    """The sign that parts the first rows into the same number of cells, two or more."""
    if PurePosixPath(name.lower()).suffix in {".tsv", ".tab"}:
        return "\t"
    sample = text[: 1 << 16].split("\n")[: 4 * _SAMPLE_ROWS]
    best, most = ",", 0.0
    for sign in _DELIMITERS:
        widths = [
            len(cells)
            for cells, _ in zip(
                csv.reader(sample, delimiter=sign), range(_SAMPLE_ROWS), strict=False
            )
            if cells
        ]
        if not widths:
            continue
        width, times = Counter(widths).most_common(1)[0]
        fit = times / len(widths) if width > 1 else 0.0
        if fit > most:
            best, most = sign, fit
    return best


def _header(rows: Sequence[_Row]) -> tuple[int, bool]:
    """How many rows of titles stand above the table, and whether its first row names columns.

    A title is a single cell in a wider table. Names are short, all different, and no numbers.
    """
    width = max((len(_trimmed(row.cells)) for row in rows[:_SAMPLE_ROWS]), default=0)
    above = 0
    while above < len(rows) - 1 and width > 1 and len(_trimmed(rows[above].cells)) == 1:
        above += 1
    if above >= len(rows) - 1:
        return 0, False
    cells = [cell.strip() for cell in _trimmed(rows[above].cells)]
    named = len(cells) * 2 > width and len({cell.casefold() for cell in cells}) == len(cells)
    plain = all(len(cell) <= _LONGEST_HEADER_CELL and not _is_number(cell) for cell in cells)
    return above, named and plain


def _trimmed(cells: Sequence[str]) -> Sequence[str]:
    """`cells` without the empty ones at the end."""
    width = len(cells)
    while width and not cells[width - 1].strip():
        width -= 1
    return cells[:width]


def _is_number(cell: str) -> bool:
    bare = cell.strip().strip("%$€£").replace(",", "").replace(" ", "")
    try:
        float(bare)
    except ValueError:
        return bare[:4].isdigit() and bare[4:5] in {"-", "/", "."}  # a date
    return True
