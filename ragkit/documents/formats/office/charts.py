"""A chart of an OOXML package → its title and its numbers as table rows.

Reads what the chart keeps of its data, not the workbook behind it. Knows DrawingML charts only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.unpacking.limits import Package
from ragkit.documents.unpacking.xml_stream import Attributes, attempt

_MOST_POINTS = 1000  # of a series; more is a curve, not a table
_CATEGORIES = frozenset({"c:cat", "c:xVal"})
_VALUES = frozenset({"c:val", "c:yVal"})


def chart_rows(package: Package, part: str) -> tuple[str, list[list[str]]]:
    """The chart's title, and rows of cells: series names first, then a row a category."""
    walk = _Walk()
    attempt(package, part, walk.start, walk.end, walk.text)
    points = range(min(_MOST_POINTS, max((len(each.values) for each in walk.series), default=0)))
    if not points:
        return walk.title, []
    categories = max((each.categories for each in walk.series), key=len)
    rows = [["", *(each.name for each in walk.series)]]
    for at in points:
        cells = [each.values[at] if at < len(each.values) else "" for each in walk.series]
        rows.append([categories[at] if at < len(categories) else str(at + 1), *cells])
    return walk.title, rows


@dataclass(slots=True)
class _Series:
    name: str = ""
    categories: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """Where in the chart the parser is."""

    title: str = ""
    series: list[_Series] = field(default_factory=list)
    _point: int = 0  # number of the open point; there may be gaps
    _role: str = ""  # the element whose values come: c:tx, c:cat, c:val, c:title
    _pieces: list[str] | None = None

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c:ser":
            self.series.append(_Series())
        elif tag in _CATEGORIES or tag in _VALUES or tag in {"c:title", "c:tx"}:
            self._role = self._role if self._role == "c:title" else tag
        elif tag == "c:pt":
            index = attributes.get("idx", "")
            self._point = int(index) if index.isdecimal() and len(index) < 9 else _MOST_POINTS
        elif tag == "c:v" or (tag == "a:t" and self._role == "c:title"):
            self._pieces = []

    def text(self, characters: str) -> None:
        if self._pieces is not None:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        if tag == self._role:
            self._role = ""
        elif tag in {"c:v", "a:t"} and self._pieces is not None:
            value, self._pieces = " ".join("".join(self._pieces).split()), None
            self._keep(value)

    def _keep(self, value: str) -> None:
        if self._role == "c:title":
            self.title = f"{self.title} {value}".strip() if not self.series else self.title
        elif not self.series:
            return
        elif self._role == "c:tx":
            self.series[-1].name = value
        elif self._role in _CATEGORIES:
            _put(self.series[-1].categories, self._point, value)
        elif self._role in _VALUES:
            _put(self.series[-1].values, self._point, _shown(value))


def _put(values: list[str], at: int, value: str) -> None:
    """Set one value; those before it that are not given are empty."""
    if at < _MOST_POINTS:
        values += [""] * (at + 1 - len(values))
        values[at] = value


def _shown(value: str) -> str:
    """A number as a person writes it: 0.3 rather than 0.30000000000000004."""
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value
