"""Convert between character offsets and locators: pages, slides, sheets, cells, chapters, times.

    page=7   page=7-8   slide=3-5   chapter=3   cell=4   row=7-9
    sheet=Budget!A2:F9   time=00:01:02-00:01:15

`format_locator` turns a span into a locator; `find_span` turns it back into the span. Does not know
files.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, unquote

from ragkit.records.documents import Locator

# A passage lies in one of these; the other kinds may change within a passage.
SECTION_KINDS = ("slide", "chapter", "sheet")

_SUBSTANTIAL = 0.25  # share of a passage's visible characters
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?")
_VISIBLE = re.compile(r"\S+")
_UNQUOTED = " !$&'()*,;:@/?+"  # beside letters, digits and "-._~": none of them delimits a citation


def format_locator(
    pages: Sequence[int], locators: Sequence[Locator], start: int, end: int
) -> str | None:
    """Return the locator of `[start, end)`, such as "page=7-8"; None if the document has no pages
    and no locator at or before `start`."""
    if pages:
        first, last = page_at(pages, start), page_at(pages, end - 1)
        return f"page={_join_values(str(first), str(last))}"
    touching = _overlapping(locators, start, end)
    if not touching or touching[0].start > start:
        return None
    kind = touching[0].kind
    values = [locator.value for locator in touching if locator.kind == kind]
    value = _JOIN.get(kind, _join_values)(values[0], values[-1])
    return None if value is None else f"{kind}={quote(value, safe=_UNQUOTED)}"


def find_span(
    locator: str, pages: Sequence[int], locators: Sequence[Locator], length: int
) -> tuple[int, int] | None:
    """Return the span `(start, end)` of `locator` in a text of `length` characters; None if the
    document has no such place."""
    kind, _, value = locator.partition("=")
    if kind == "page":
        numbers = [int(part) for part in value.split("-")]
        if not 1 <= numbers[0] <= numbers[-1] <= len(pages):
            return None
        return pages[numbers[0] - 1], _offset_at(pages, numbers[-1], length)
    starts = [locator.start for locator in locators]
    locator_range = _FIND.get(kind, _find_values)(
        unquote(value), [candidate for candidate in locators if candidate.kind == kind]
    )
    if locator_range is None:
        return None
    first, last = locator_range
    return first.start, _offset_at(starts, bisect_right(starts, last.start), length)


def page_at(pages: Sequence[int], offset: int) -> int:
    """Return the page, from 1, of the character at `offset`."""
    return max(1, bisect_right(pages, offset))


def main_page(text: str, pages: Sequence[int], start: int, end: int) -> int | None:
    """Return the first page with at least a quarter of the visible characters of `[start, end)`;
    None without pages."""
    if not pages:
        return None
    first, last = page_at(pages, start), page_at(pages, end - 1)
    total = _visible(text, start, end)
    for page in range(first, last):
        right = pages[page]
        if _visible(text, max(start, pages[page - 1]), right) >= _SUBSTANTIAL * total:
            return page
    return last


def section_starts(locators: Sequence[Locator]) -> Iterator[int]:
    """Yield the offsets that no passage may cross: the starts of slides, chapters and sheets."""
    previous = None
    for locator in locators:
        name = locator.value.rpartition("!")[0] if locator.kind == "sheet" else locator.value
        current = (locator.kind, name) if locator.kind in SECTION_KINDS else None
        if current != previous and (current or previous):
            yield locator.start
        previous = current


def _visible(text: str, start: int, end: int) -> int:
    return sum(match.end() - match.start() for match in _VISIBLE.finditer(text, start, end))


def _offset_at(starts: Sequence[int], index: int, length: int) -> int:
    return starts[index] if index < len(starts) else length


def _overlapping(locators: Sequence[Locator], start: int, end: int) -> Sequence[Locator]:
    """Return the locators that apply in `[start, end)`, including the one in force at `start`."""
    first = max(0, bisect_right(locators, start, key=lambda locator: locator.start) - 1)
    last = bisect_left(locators, end, key=lambda locator: locator.start)
    return locators[first:last]


def _join_values(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def _join_cells(first: str, last: str) -> str | None:
    """Join `Budget!A2:F2` and `Budget!A9:F9` to `Budget!A2:F9`; None across sheets."""
    (name, start), (end_name, end) = _sheet(first), _sheet(last)
    if name != end_name:
        return None
    head, tail = _RANGE.fullmatch(start), _RANGE.fullmatch(end)
    if head is None or tail is None:
        return first if first == last else None
    left = min(head[1], tail[1], key=_column)
    right = max(head[3] or head[1], tail[3] or tail[1], key=_column)
    bottom = max(int(head[4] or head[2]), int(tail[4] or tail[2]))
    corners = f"{left}{head[2]}", f"{right}{bottom}"
    return f"{name}!{corners[0]}" + (f":{corners[1]}" if corners[0] != corners[1] else "")


def _join_times(first: str, last: str) -> str:
    return _join_values(_interval(first)[0], _interval(last)[1])


def _sheet(value: str) -> tuple[str, str]:
    name, _, cells = value.rpartition("!")
    return name, cells


def _column(letters: str) -> tuple[int, str]:
    return len(letters), letters


def _interval(value: str) -> tuple[str, str]:
    start, _, end = value.partition("-")
    return start.strip(), end.strip() or start.strip()


def _seconds(time: str) -> float:
    """Parse `01:02:03.5`, `02:03` or `3,5` as seconds; -1 for anything else."""
    total = 0.0
    for part in time.replace(",", ".").split(":"):
        if not re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", part):
            return -1
        total = 60 * total + float(part)
    return total


LocatorRange = tuple[Locator, Locator] | None


def _find_values(value: str, locators: Sequence[Locator]) -> LocatorRange:
    """Return the first and last locator of `value`, which may be a range "A-B"."""
    by_value: dict[str, list[Locator]] = {}
    for locator in locators:
        by_value.setdefault(locator.value, []).append(locator)
    parts = value.split("-")
    pairs = [(value, value)]
    pairs += [("-".join(parts[:cut]), "-".join(parts[cut:])) for cut in range(1, len(parts))]
    for first, last in pairs:
        if first in by_value and last in by_value:
            locator_range = by_value[first][0], by_value[last][-1]
            return locator_range if locator_range[0].start <= locator_range[1].start else None
    return None


def _find_cells(value: str, locators: Sequence[Locator]) -> LocatorRange:
    """Return the first and last row that a range of cells overlaps; all rows for a sheet name."""
    name, cells = _sheet(value)
    cell_range = _RANGE.fullmatch(cells)
    if cell_range is None:
        name = value
    inside = [locator for locator in locators if _sheet(locator.value)[0] == name]
    if cell_range is not None:
        inside = [
            locator for locator in inside if _rows_overlap(cell_range, _sheet(locator.value)[1])
        ]
    return (inside[0], inside[-1]) if inside else None


def _rows_overlap(cell_range: re.Match[str], cells: str) -> bool:
    row = _RANGE.fullmatch(cells)
    if row is None:
        return False
    top, bottom = int(cell_range[2]), int(cell_range[4] or cell_range[2])
    return int(row[2]) <= bottom and top <= int(row[4] or row[2])


def _find_times(value: str, locators: Sequence[Locator]) -> LocatorRange:
    """Return the first and last locator that overlaps a time or an interval of times."""
    start, end = map(_seconds, _interval(value))
    if start < 0 or end < start:
        return None
    inside = []
    for locator in locators:
        first, last = map(_seconds, _interval(locator.value))
        if first == start or (first < end and last > start) or first <= start == end < last:
            inside.append(locator)
    return (inside[0], inside[-1]) if inside else None


_JOIN: dict[str, Callable[[str, str], str | None]] = {
    "sheet": _join_cells,
    "time": _join_times,
}
_FIND: dict[str, Callable[[str, Sequence[Locator]], LocatorRange]] = {
    "sheet": _find_cells,
    "time": _find_times,
}
