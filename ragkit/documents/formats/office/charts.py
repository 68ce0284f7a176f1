"""A chart part of an OOXML package → its title and its data as table rows (DrawingML charts).

Reads the values that the chart caches (ECMA-376 part 1, 21.2), not the embedded workbook.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

_MAX_POINTS = 1000  # rows of one chart; more points are a curve, not a table
_CATEGORIES = frozenset({"c:cat", "c:xVal"})
_VALUES = frozenset({"c:val", "c:yVal"})


def chart_rows(package: ZipPackage, part: str) -> tuple[str, list[list[str]]]:
    """Return the title of the chart in `part`, and its rows of cells.

    The first row has an empty cell and the names of the series; each further row has a category
    and its values. No rows if the chart has no values.
    """
    chart = _ChartHandler()
    parse_xml_leniently(package, part, chart.start, chart.end, chart.text)
    points = range(min(_MAX_POINTS, max((len(s.values) for s in chart.series), default=0)))
    if not points:
        return chart.title, []
    categories = max((series.categories for series in chart.series), key=len)
    rows = [["", *(series.name for series in chart.series)]]
    for index in points:
        cells = [s.values[index] if index < len(s.values) else "" for s in chart.series]
        rows.append([categories[index] if index < len(categories) else str(index + 1), *cells])
    return chart.title, rows


@dataclass(slots=True)
class _Series:
    name: str = ""
    categories: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _ChartHandler:
    """Collects the title and the series from the elements of a chart part."""

    title: str = ""
    series: list[_Series] = field(default_factory=list)
    _point: int = 0  # index of the open `c:pt`; indices may have gaps
    _role: str = ""  # the open element that says what values mean: c:tx, c:cat, c:val, c:title
    _pieces: list[str] | None = None  # text of the open value

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c:ser":
            self.series.append(_Series())
        elif tag in _CATEGORIES or tag in _VALUES or tag in {"c:title", "c:tx"}:
            self._role = self._role if self._role == "c:title" else tag
        elif tag == "c:pt":
            index = attributes.get("idx", "")
            self._point = int(index) if index.isdecimal() and len(index) < 9 else _MAX_POINTS
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
            self._store(value)

    def _store(self, value: str) -> None:
        if self._role == "c:title":
            self.title = f"{self.title} {value}".strip() if not self.series else self.title
        elif not self.series:
            return
        elif self._role == "c:tx":
            self.series[-1].name = value
        elif self._role in _CATEGORIES:
            _set_point(self.series[-1].categories, self._point, value)
        elif self._role in _VALUES:
            _set_point(self.series[-1].values, self._point, _shorten_number(value))


def _set_point(values: list[str], index: int, value: str) -> None:
    """Set `values[index]`; missing values before it become "". An index out of range is ignored."""
    if index < _MAX_POINTS:
        values += [""] * (index + 1 - len(values))
        values[index] = value


def _shorten_number(value: str) -> str:
    """Return a number with 12 significant digits: 0.3 for 0.30000000000000004. Text stays."""
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value
