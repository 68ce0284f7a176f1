"""Tables of reStructuredText: where they begin and end, their header, and rows of several lines.

Grid tables, simple tables, and the directives `list-table` and `csv-table`; told by their lines
alone, as in docutils' specification. A line of text is never looked at twice by the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_GRID = re.compile(r"\+(?:-++\+)++")
_GRID_HEAD = re.compile(r"\+(?:=++\+)++")
_SIMPLE = re.compile(r"=++(?: ++=++)++")
_DIRECTIVE = re.compile(r"\.\. (list|csv)-table::")
_OPTION = re.compile(r":([a-z-]{1,30}):[ ]*+(.*)")
_MOST_HEADER_ROWS = 20


@dataclass(slots=True)
class Found:
    """A table, in numbers of lines."""

    first: int
    last: int
    body: int  # the line below the header, be it a border; `first` where there is none
    rows: list[tuple[int, int]] = field(default_factory=list)  # first and last line of each


def table_at(lines: Sequence[str], number: int) -> Found | None:
    """The table whose first line is `number`; None where none begins there."""
    line = lines[number].strip()
    if line.startswith("+"):
        return _grid(lines, number) if _GRID.fullmatch(line) else None
    if line.startswith("="):
        return _simple(lines, number) if _SIMPLE.fullmatch(line) else None
    directive = _DIRECTIVE.match(line) if line.startswith("..") else None
    return _directive(lines, number, directive[1]) if directive else None


def _grid(lines: Sequence[str], number: int) -> Found | None:
    last, body = number, number
    rows: list[tuple[int, int]] = []
    above = number  # the border above the open row
    for at in range(number + 1, len(lines)):
        line = lines[at].strip()
        if not line.startswith(("+", "|")):
            break
        last = at
        is_head = _GRID_HEAD.fullmatch(line) is not None
        if not is_head and not _GRID.fullmatch(line):
            continue  # a row, or a border of some of its cells
        if at > above + 1:
            rows.append((above + 1, at - 1))
        above = at
        if is_head and body == number:
            body = at
    return Found(number, last, body, rows) if rows else None


def _simple(lines: Sequence[str], number: int) -> Found | None:
    border = lines[number]
    edge = _indent(border)
    width = border.strip().index(" ")  # of the first column
    borders: list[int] = []
    rows: list[tuple[int, int]] = []
    for at in range(number + 1, len(lines)):
        line = lines[at]
        if line.strip() and _indent(line) < edge:
            return None  # it has left the block that the table is in
        if _SIMPLE.fullmatch(line.strip()):
            borders.append(at)
            if len(borders) == 2 or not "".join(lines[at + 1 : at + 2]).strip():
                break
        elif line[edge : edge + width].strip(" -"):
            rows.append((at, at))
        elif line.strip() and rows and rows[-1][1] >= at - 1 and rows[-1][1] not in borders:
            rows[-1] = (rows[-1][0], at)  # the first cell is empty: the row goes on
    else:
        return None  # no lower border
    body = borders[0] if len(borders) == 2 else number
    return Found(number, borders[-1], body, rows) if rows else None


def _directive(lines: Sequence[str], number: int, kind: str) -> Found | None:
    edge = _indent(lines[number])
    inside = list(_block(lines, number + 1, edge))
    options = dict[str, str]()
    heads = number
    for at in inside:
        option = _OPTION.match(lines[at].strip())
        if option is None:
            break
        options[option[1]] = option[2]
        heads = at if option[1] == "header" else heads
    content = inside[len(options) :]
    if not content:
        return None
    opens = lines[content[0]][: _indent(lines[content[0]])] + ("* -" if kind == "list" else "")
    rows: list[tuple[int, int]] = []
    for at in content:
        if kind == "csv" or lines[at].startswith(opens):
            rows.append((at, at))
        elif rows:
            rows[-1] = (rows[-1][0], at)
    if not rows:
        return None
    told = options.get("header-rows", "").strip()
    count = int(told) if told.isdecimal() and len(told) < 3 else 0
    start = heads if heads > number else rows[0][0]
    count = min(count, _MOST_HEADER_ROWS, len(rows) - 1)
    body = rows[count][0] if count or heads > number else start
    return Found(start, content[-1], body, rows)


def _block(lines: Sequence[str], number: int, edge: int) -> Iterable[int]:
    """The lines from `number` on that are indented by more than `edge` and not blank."""
    for at in range(number, len(lines)):
        if lines[at].strip():
            if _indent(lines[at]) <= edge:
                return
            yield at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
