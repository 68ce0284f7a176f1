"""Offsets ↔ places of a file: pages, slides, sheets, cells, chapters, times.

    page=7   page=7-8   slide=3-5   chapter=3   cell=4   row=7-9
    sheet=Budget!A2:F9   time=00:01:02-00:01:15

`written` says where a span stands, `found` which span a place is; what one writes the other finds.
Knows characters and numbers; nothing of files.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, unquote

from ragkit.records.documents import Locator

# A passage stands in one of these; the other kinds change within a passage.
APART = ("slide", "chapter", "sheet")

_SUBSTANTIAL = 0.25  # of a passage's characters: less of it on a page is a remnant
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?")
_VISIBLE = re.compile(r"\S+")
_KEPT = " !$&'()*,;:@/?+"  # beside letters, digits and "-._~": no sign that parts a citation


def written(pages: Sequence[int], locators: Sequence[Locator], start: int, end: int) -> str | None:
    """The place of `[start, end)`; None where the document has none, or none from its start on."""
    if pages:
        first, last = page_at(pages, start), page_at(pages, end - 1)
        return f"page={_joined(str(first), str(last))}"
    touched = _touched(locators, start, end)
    if not touched or touched[0].start > start:
        return None
    kind = touched[0].kind
    values = [locator.value for locator in touched if locator.kind == kind]
    value = _JOIN.get(kind, _joined)(values[0], values[-1])
    return None if value is None else f"{kind}={quote(value, safe=_KEPT)}"


def found(
    place: str, pages: Sequence[int], locators: Sequence[Locator], length: int
) -> tuple[int, int] | None:
    """The span of a written place in a text of `length` characters; None where it has no such."""
    kind, _, value = place.partition("=")
    if kind == "page":
        numbers = [int(part) for part in value.split("-")]
        if not 1 <= numbers[0] <= numbers[-1] <= len(pages):
            return None
        return pages[numbers[0] - 1], _following(pages, numbers[-1], length)
    starts = [locator.start for locator in locators]
    within = _FIND.get(kind, _named)(unquote(value), [x for x in locators if x.kind == kind])
    if within is None:
        return None
    first, last = within
    return first.start, _following(starts, bisect_right(starts, last.start), length)


def page_at(pages: Sequence[int], offset: int) -> int:
    """The page, from 1, on which the character at `offset` stands."""
    return max(1, bisect_right(pages, offset))


def main_page(text: str, pages: Sequence[int], start: int, end: int) -> int | None:
    """The first page that holds a substantial part of `[start, end)`; None without pages."""
    if not pages:
        return None
    first, last = page_at(pages, start), page_at(pages, end - 1)
    total = _visible(text, start, end)
    for page in range(first, last):
        right = pages[page]
        if _visible(text, max(start, pages[page - 1]), right) >= _SUBSTANTIAL * total:
            return page
    return last


def borders(locators: Sequence[Locator]) -> Iterator[int]:
    """Offsets that no passage may cross: where a slide, a chapter or another sheet begins."""
    before = None
    for locator in locators:
        name = locator.value.rpartition("!")[0] if locator.kind == "sheet" else locator.value
        here = (locator.kind, name) if locator.kind in APART else None
        if here != before and (here or before):
            yield locator.start
        before = here


def _visible(text: str, start: int, end: int) -> int:
    return sum(match.end() - match.start() for match in _VISIBLE.finditer(text, start, end))


def _following(starts: Sequence[int], index: int, length: int) -> int:
    return starts[index] if index < len(starts) else length


def _touched(locators: Sequence[Locator], start: int, end: int) -> Sequence[Locator]:
    """The locators that stand in `[start, end)`, the one before it among them."""
    first = max(0, bisect_right(locators, start, key=lambda locator: locator.start) - 1)
    last = bisect_left(locators, end, key=lambda locator: locator.start)
    return locators[first:last]


def _joined(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def _joined_cells(first: str, last: str) -> str | None:
    """`Budget!A2:F2` and `Budget!A9:F9` → `Budget!A2:F9`; None across sheets."""
    (name, start), (other, end) = _sheet(first), _sheet(last)
    if name != other:
        return None
    head, tail = _RANGE.fullmatch(start), _RANGE.fullmatch(end)
    if head is None or tail is None:
        return first if first == last else None
    left = min(head[1], tail[1], key=_column)
    right = max(head[3] or head[1], tail[3] or tail[1], key=_column)
    bottom = max(int(head[4] or head[2]), int(tail[4] or tail[2]))
    corners = f"{left}{head[2]}", f"{right}{bottom}"
    return f"{name}!{corners[0]}" + (f":{corners[1]}" if corners[0] != corners[1] else "")


def _joined_times(first: str, last: str) -> str:
    return _joined(_interval(first)[0], _interval(last)[1])


def _sheet(value: str) -> tuple[str, str]:
    name, _, cells = value.rpartition("!")
    return name, cells


def _column(letters: str) -> tuple[int, str]:
    return len(letters), letters


def _interval(value: str) -> tuple[str, str]:
    start, _, end = value.partition("-")
    return start.strip(), end.strip() or start.strip()


def _seconds(time: str) -> float:
    """Of `01:02:03.5`, `02:03` or `3,5`; -1 for anything else."""
    total = 0.0
    for part in time.replace(",", ".").split(":"):
        if not re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", part):
            return -1
        total = 60 * total + float(part)
    return total


Ends = tuple[Locator, Locator] | None


def _named(value: str, locators: Sequence[Locator]) -> Ends:
    """From the first locator of this value, or of the first of two values, to the last."""
    by_value: dict[str, list[Locator]] = {}
    for locator in locators:
        by_value.setdefault(locator.value, []).append(locator)
    parts = value.split("-")
    pairs = [(value, value)]
    pairs += [("-".join(parts[:cut]), "-".join(parts[cut:])) for cut in range(1, len(parts))]
    for first, last in pairs:
        if first in by_value and last in by_value:
            ends = by_value[first][0], by_value[last][-1]
            return ends if ends[0].start <= ends[1].start else None
    return None


def _cells(value: str, locators: Sequence[Locator]) -> Ends:
    """The rows of a sheet that a range of cells touches; all of the sheet for its name alone."""
    name, cells = _sheet(value)
    wanted = _RANGE.fullmatch(cells)
    if wanted is None:
        name = value
    inside = [locator for locator in locators if _sheet(locator.value)[0] == name]
    if wanted is not None:
        inside = [locator for locator in inside if _overlap(wanted, _sheet(locator.value)[1])]
    return (inside[0], inside[-1]) if inside else None


def _overlap(wanted: re.Match[str], cells: str) -> bool:
    row = _RANGE.fullmatch(cells)
    if row is None:
        return False
    top, bottom = int(wanted[2]), int(wanted[4] or wanted[2])
    return int(row[2]) <= bottom and top <= int(row[4] or row[2])


def _times(value: str, locators: Sequence[Locator]) -> Ends:
    """What is said between two times, or at one."""
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
    "sheet": _joined_cells,
    "time": _joined_times,
}
_FIND: dict[str, Callable[[str, Sequence[Locator]], Ends]] = {"sheet": _cells, "time": _times}
