"""Tables of reStructuredText: their first and last line, their header, and their rows.

Grid tables, simple tables, and the directives `list-table` and `csv-table`, as in the docutils
specification. Works on lines and their numbers (from 0) and reads no cells. Each line is looked
at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_GRID_BORDER = re.compile(r"\+(?:-++\+)++")
_GRID_HEADER_BORDER = re.compile(r"\+(?:=++\+)++")
_SIMPLE_BORDER = re.compile(r"=++(?: ++=++)++")
_DIRECTIVE = re.compile(r"\.\. (list|csv)-table::")
_OPTION = re.compile(r":([a-z-]{1,30}):[ ]*+(.*)")
_MAX_HEADER_ROWS = 20


@dataclass(slots=True)
class TableLines:
    """A table as numbers of lines."""

    first: int
    last: int
    body: int  # the first line below the header (a border or a row); `first` without a header
    rows: list[tuple[int, int]] = field(default_factory=list)  # first and last line of each row


def find_table(lines: Sequence[str], number: int) -> TableLines | None:
    """Return the table whose first line is `number`; None if no table begins there."""
    line = lines[number].strip()
    if line.startswith("+"):
        return _grid_table(lines, number) if _GRID_BORDER.fullmatch(line) else None
    if line.startswith("="):
        return _simple_table(lines, number) if _SIMPLE_BORDER.fullmatch(line) else None
    directive = _DIRECTIVE.match(line) if line.startswith("..") else None
    return _table_directive(lines, number, directive[1]) if directive else None


def indentation(line: str) -> int:
    """Return the number of spaces and tabs at the start of a line."""
    return len(line) - len(line.lstrip(" \t"))


def _grid_table(lines: Sequence[str], first: int) -> TableLines | None:
    last, body = first, first
    rows: list[tuple[int, int]] = []
    border = first  # the border above the open row
    for number in range(first + 1, len(lines)):
        line = lines[number].strip()
        if not line.startswith(("+", "|")):
            break
        last = number
        is_header_border = _GRID_HEADER_BORDER.fullmatch(line) is not None
        if not is_header_border and not _GRID_BORDER.fullmatch(line):
            continue  # a line of a row, or a border of some of its cells
        if number > border + 1:
            rows.append((border + 1, number - 1))
        border = number
        if is_header_border and body == first:
            body = number
    return TableLines(first, last, body, rows) if rows else None


def _simple_table(lines: Sequence[str], first: int) -> TableLines | None:
    indent = indentation(lines[first])
    first_column = slice(indent, indent + lines[first].strip().index(" "))
    borders: list[int] = []
    rows: list[tuple[int, int]] = []
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if line.strip() and indentation(line) < indent:
            return None  # the block that contains the table has ended
        if _SIMPLE_BORDER.fullmatch(line.strip()):
            borders.append(number)
            if len(borders) == 2 or not "".join(lines[number + 1 : number + 2]).strip():
                break
        elif line[first_column].strip(" -"):
            rows.append((number, number))
        elif line.strip() and rows and rows[-1][1] >= number - 1 and rows[-1][1] not in borders:
            rows[-1] = (rows[-1][0], number)  # the first cell is empty: the row continues
    else:
        return None  # no lower border
    body = borders[0] if len(borders) == 2 else first
    return TableLines(first, borders[-1], body, rows) if rows else None


def _table_directive(lines: Sequence[str], number: int, kind: str) -> TableLines | None:
    """Return the table of a directive; `kind` is "list" or "csv". It begins below the options."""
    block = list(_indented_lines(lines, number + 1, indentation(lines[number])))
    options = dict[str, str]()
    header_option = None  # the line of `:header:`, which has the names of the columns
    for option_line in block:
        option = _OPTION.match(lines[option_line].strip())
        if option is None:
            break
        options[option[1]] = option[2]
        header_option = option_line if option[1] == "header" else header_option
    content = block[len(options) :]
    rows = _directive_rows(lines, content, kind)
    if not rows:
        return None
    first = rows[0][0] if header_option is None else header_option
    header_rows = min(_header_row_count(options), len(rows) - 1)
    body = first if header_option is None and not header_rows else rows[header_rows][0]
    return TableLines(first, content[-1], body, rows)


def _directive_rows(
    lines: Sequence[str], content: Sequence[int], kind: str
) -> list[tuple[int, int]]:
    """Return the rows of a directive's content: one line each for csv, list items for lists."""
    rows: list[tuple[int, int]] = []
    if not content:
        return rows
    first_line = lines[content[0]]
    row_start = first_line[: indentation(first_line)] + ("* -" if kind == "list" else "")
    for number in content:
        if kind == "csv" or lines[number].startswith(row_start):
            rows.append((number, number))
        elif rows:
            rows[-1] = (rows[-1][0], number)
    return rows


def _header_row_count(options: dict[str, str]) -> int:
    count = options.get("header-rows", "").strip()
    return min(int(count), _MAX_HEADER_ROWS) if count.isdecimal() and len(count) < 3 else 0


def _indented_lines(lines: Sequence[str], start: int, indent: int) -> Iterable[int]:
    """Yield the numbers of the lines from `start` on that are not blank, up to the first that is
    indented by `indent` or less."""
    for number in range(start, len(lines)):
        if lines[number].strip():
            if indentation(lines[number]) <= indent:
                return
            yield number
