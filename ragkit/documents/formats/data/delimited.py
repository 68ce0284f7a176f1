"""Delimited tables (csv, tsv) → Document: one line of text per row, cells joined by " | ".

Delimiter and header are detected from the first rows. Line numbers stay the file's own unless
cells contain line breaks; then rows are numbered. Does not know spreadsheet formats.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from ragkit.documents.decoding import decode, read_text
from ragkit.documents.layout.records import record_document
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Locator, Table

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 1 << 16
_SAMPLE_ROWS = 50
_MAX_HEADER_CELL_CHARS = 100
_SEPARATOR_LINE = re.compile(r"\"?sep=([^\n\w\s]|\t)\"?[ \t]*(?:\n|$)", re.IGNORECASE)  # of Excel


class _Row(NamedTuple):
    """The cells of a row, and its first and last line in the file, from 1, inclusive."""

    cells: list[str]
    first: int
    last: int


def read_table(data: bytes, name: str) -> Document:
    """Read a csv or tsv file as a document with one `Table`.

    A file that the csv module rejects is read as plain text, with a warning.
    """
    text, encoding, warnings, encoding_by = decode(data)
    try:
        rows = list(_parse_rows(text, _detect_delimiter(text, name)))
    except csv.Error as error:
        warning = f"not read as a table: {error}"
        return replace(read_text(data, name), warnings=(*warnings, warning))
    one_line_rows = all(row.first == row.last for row in rows)
    # The line of the text for each row.
    numbers = [row.first - 1 if one_line_rows else index for index, row in enumerate(rows)]
    lines = [""] * (numbers[-1] + 1 if numbers else 0)
    for number, row in zip(numbers, rows, strict=True):
        lines[number] = _format_row(row.cells)
    starts = [0]  # offset of each line, and of the end
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    title_rows, has_header = _find_header(rows)
    tables: tuple[Table, ...] = ()
    if title_rows < len(rows):
        start, end = starts[numbers[title_rows]], starts[-1] - 1
        body = starts[numbers[title_rows + 1]] if has_header else start
        tables = (Table(start, end, body),)
    return Document(
        "\n".join(lines),
        "text/csv",
        title=lines[numbers[0]] if title_rows == 1 else None,
        lines=one_line_rows,
        locators=()
        if one_line_rows
        else tuple(Locator(starts[number], "row", str(number + 1)) for number in numbers),
        tables=tables,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def table_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each row below the header, named by the number of the row, from 1.

    Raises `DocumentError` if the csv module rejects the file, and `BudgetExceededError` if it has
    more rows than the budget allows.
    """
    text, encoding, _, encoding_by = decode(data)
    try:
        rows = list(_parse_rows(text, _detect_delimiter(text, name)))
    except csv.Error as error:
        raise DocumentError(f"not a table: {error}") from error
    title_rows, has_header = _find_header(rows)
    column_names = rows[title_rows].cells if has_header else []
    first = title_rows + has_header
    for number, row in enumerate(rows[first:], first + 1):
        budget.count_member()
        fields = [
            (column_names[index] if index < len(column_names) else f"column {index + 1}", cell)
            for index, cell in enumerate(row.cells)
            if cell.strip()
        ]
        if fields:
            document = record_document(fields, "text/csv")
            yield Member(
                str(number), document=replace(document, encoding=encoding, encoding_by=encoding_by)
            )


def _format_row(cells: Sequence[str]) -> str:
    return " | ".join(" ".join(cell.split()) for cell in _without_trailing_empty(cells))


def _parse_rows(text: str, delimiter: str) -> Iterator[_Row]:
    """Yield the rows that are not empty. Raises `csv.Error`."""
    reader = csv.reader(
        (f"{line}\n" for line in text.split("\n")), delimiter=delimiter, strict=False
    )
    last = 0
    for cells in reader:
        first, last = last + 1, reader.line_num
        if last == 1 and _SEPARATOR_LINE.match(text):
            continue  # it only names the delimiter
        if any(cell.strip() for cell in cells):
            yield _Row(cells, first, last)


def _detect_delimiter(text: str, name: str) -> str:
    """Return the delimiter that splits most of the first rows into the same number of cells.

    That number is at least 2. The default is a comma; the extensions .tsv and .tab mean a tab.
    """
    if (separator := _SEPARATOR_LINE.match(text)) is not None:
        return separator[1]
    if PurePosixPath(name.lower()).suffix in {".tsv", ".tab"}:
        return "\t"
    sample = text[:_SAMPLE_CHARS].split("\n")[: 4 * _SAMPLE_ROWS]
    best, best_share = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = [
            len(cells)
            for cells, _ in zip(
                csv.reader(sample, delimiter=delimiter), range(_SAMPLE_ROWS), strict=False
            )
            if cells
        ]
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        share = count / len(widths) if width > 1 else 0.0
        if share > best_share:
            best, best_share = delimiter, share
    return best


def _find_header(rows: Sequence[_Row]) -> tuple[int, bool]:
    """Return the number of title rows above the table, and whether its first row is a header.

    A title row has one cell, in a wider table. The cells of a header are short, all different,
    and no numbers.
    """
    width = max((len(_without_trailing_empty(row.cells)) for row in rows[:_SAMPLE_ROWS]), default=0)
    title_rows = 0
    while (
        title_rows < len(rows) - 1
        and width > 1
        and len(_without_trailing_empty(rows[title_rows].cells)) == 1
    ):
        title_rows += 1
    if title_rows >= len(rows) - 1:
        return 0, False
    cells = [cell.strip() for cell in _without_trailing_empty(rows[title_rows].cells)]
    is_wide = len(cells) * 2 > width
    are_unique = len({cell.casefold() for cell in cells}) == len(cells)
    are_names = all(
        len(cell) <= _MAX_HEADER_CELL_CHARS and not _is_number_or_date(cell) for cell in cells
    )
    return title_rows, is_wide and are_unique and are_names


def _without_trailing_empty(cells: Sequence[str]) -> Sequence[str]:
    """Return `cells` without the empty ones at the end."""
    width = len(cells)
    while width and not cells[width - 1].strip():
        width -= 1
    return cells[:width]


def _is_number_or_date(cell: str) -> bool:
    bare = cell.strip().strip("%$€£").replace(",", "").replace(" ", "")
    try:
        float(bare)
    except ValueError:
        return bare[:4].isdigit() and bare[4:5] in {"-", "/", "."}  # 2024-01-31
    return True
