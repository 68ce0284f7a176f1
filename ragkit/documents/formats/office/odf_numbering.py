"""The automatic numbers of an OpenDocument text: "2.2", "(a)", "IV.", as they are displayed.

Lists have up to ten levels; the number of a level may contain those above it. A list counts on
where it says so, by its style or by the list that it continues. The outline numbers
headings. Knows the elements of list styles and lists (OpenDocument 1.3 part 3, 5.3 and 16.30).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.list_numbers import format_item_number
from ragkit.documents.unpacking.xml_stream import Attributes

_LEVELS = 10
_MAX_NUMBER = 100_000_000
_MAX_LISTS = 100_000
_MAX_LABEL = 60  # characters
_OUTLINE = ""  # the name under which the outline is kept
_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman",
            "I": "upperRoman"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Level:
    style: str = ""  # of layout/list_numbers; "" for a level without a number
    prefix: str = ""
    suffix: str = ""
    shown_levels: int = 1
    start: int = 1


_Counters = list[int | None]  # the number that each level has reached


@dataclass(slots=True)
class _List:
    """An open list. Those inside it share its counters."""

    style: str
    counters: _Counters
    is_header: bool = False  # the open item has no number
    start: int | None = None  # of the open item


@dataclass(slots=True)
class OdfNumbering:
    """The list styles of a document, and the numbers that its lists have reached."""

    _styles: dict[str, dict[int, _Level]] = field(default_factory=dict)
    _style: str | None = None  # the open list style
    _unnumbered: set[str] = field(default_factory=set)  # paragraph styles outside of the outline
    _lists: list[_List] = field(default_factory=list)  # open ones
    _last: dict[str, _Counters] = field(default_factory=dict)  # by style
    _by_id: dict[str, _Counters] = field(default_factory=dict)
    _outline: _Counters = field(default_factory=lambda: [None] * _LEVELS)

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag of a style."""
        if tag == "text:list-style":
            self._style = attributes.get("style:name", "")
            self._styles[self._style] = {}
        elif tag == "text:outline-style":
            self._style = _OUTLINE
            self._styles[self._style] = {}
        elif tag in {"text:list-level-style-number", "text:outline-level-style"}:
            if self._style is not None:
                level = _number(attributes.get("text:level"), 1)
                self._styles[self._style][level] = _level(attributes)
        elif tag == "style:style" and attributes.get("style:list-style-name") == "":
            self._unnumbered.add(attributes.get("style:name", ""))

    def end(self, tag: str) -> None:
        """Handle an end tag of a style or a list."""
        if tag in {"text:list-style", "text:outline-style"}:
            self._style = None
        elif tag == "text:list" and self._lists:
            self._lists.pop()

    def open_list(self, attributes: Attributes) -> None:
        """Open a list, perhaps inside another one."""
        style = attributes.get("text:style-name", "")
        if self._lists:
            outer = self._lists[-1]
            self._lists.append(_List(style or outer.style, outer.counters))
            return
        continued = attributes.get("text:continue-list")
        counters = self._by_id.get(continued) if continued else None
        if counters is None and attributes.get("text:continue-numbering") == "true":
            counters = self._last.get(style)
        if counters is None:
            counters = [None] * _LEVELS
        if len(self._by_id) < _MAX_LISTS:
            self._by_id[attributes.get("id", "")] = counters
        self._last[style] = counters
        self._lists.append(_List(style, counters))

    def open_item(self, tag: str, attributes: Attributes) -> None:
        """Open an item of the list: `text:list-item`, or `text:list-header`, without a number."""
        if self._lists:
            value = attributes.get("text:start-value")
            self._lists[-1].is_header = tag == "text:list-header"
            self._lists[-1].start = None if value is None else _number(value, 1)

    def item_label(self) -> str:
        """Count an item of the innermost list; return its number, "" if it has none."""
        if not self._lists or self._lists[-1].is_header:
            return ""
        current = self._lists[-1]
        levels = self._styles.get(current.style, {})
        return _count(levels, current.counters, min(len(self._lists), _LEVELS), current.start)

    def heading_label(self, level: int, attributes: Attributes) -> str:
        """Count a heading of the outline at a level, from 1; return its number or ""."""
        is_numbered = (
            attributes.get("text:is-list-header") != "true"
            and attributes.get("text:style-name") not in self._unnumbered
        )
        levels = self._styles.get(_OUTLINE, {})
        if not is_numbered or not levels.get(level, _Level()).style:
            return ""
        start = attributes.get("text:start-value")
        if attributes.get("text:restart-numbering") == "true":
            start = start or str(levels[level].start)
        return _count(levels, self._outline, level, None if start is None else _number(start, 1))


def _count(levels: dict[int, _Level], counters: _Counters, place: int, start: int | None) -> str:
    """Count one item at a level, from 1, and return its number as displayed."""
    level = levels.get(place, _Level())
    previous = counters[place - 1]
    if start is None:
        start = level.start if previous is None else previous + 1
    counters[place - 1] = start
    counters[place:] = [None] * (_LEVELS - place)
    if not level.style:
        return ""
    numbers = []
    for shown in range(max(1, place - level.shown_levels + 1), place + 1):
        above = levels.get(shown, _Level())
        number = counters[shown - 1]
        if above.style:
            numbers.append(
                format_item_number(above.start if number is None else number, above.style)
            )
    return f"{level.prefix}{'.'.join(numbers)}{level.suffix}".strip()[:_MAX_LABEL]


def _level(attributes: Attributes) -> _Level:
    number_format = attributes.get("style:num-format", "")
    style = _FORMATS.get(number_format[:1], "decimal") if number_format else ""
    return _Level(
        style,
        attributes.get("style:num-prefix", ""),
        attributes.get("style:num-suffix", ""),
        _number(attributes.get("text:display-levels"), 1),
        _number(attributes.get("text:start-value"), 1),
    )


def _number(value: str | None, default: int) -> int:
    value = value or ""
    is_valid = value.isdecimal() and len(value) < 10
    return min(int(value), _MAX_NUMBER) if is_valid else default
