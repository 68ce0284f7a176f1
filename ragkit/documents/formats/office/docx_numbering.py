"""The automatic numbers of a Word file's paragraphs: "2.2", "(a)", "IV.", as Word displays them.

Lists have up to nine levels, and the text of a level may contain the numbers of those above it
("%1.%2"). Lists that share a definition count on together. Knows the elements of
`word/numbering.xml` (ECMA-376 part 1, 17.9); not the document's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ragkit.documents.layout.list_numbers import format_item_number
from ragkit.documents.unpacking.xml_stream import Attributes

_PLACEHOLDER = re.compile(r"%([1-9])")
_LEVELS = 9
_MAX_NUMBER = 100_000_000
_MAX_LABEL = 60  # characters


@dataclass(slots=True)
class _Level:
    start: int = 1
    style: str = "decimal"
    text: str = ""
    is_legal: bool = False  # all numbers of the label in digits
    restart: int | None = None  # level, from 1, whose numbers restart this one; 0: none does
    paragraph_style: str = ""


@dataclass(slots=True)
class _Instance:
    """A `w:num`: a list that uses a definition, with changes of its own."""

    definition: str = ""
    starts: dict[int, int] = field(default_factory=dict)  # level → first number
    levels: dict[int, _Level] = field(default_factory=dict)  # replaced levels


class Numbering:
    """The lists of a document, and the numbers that its paragraphs have reached."""

    def __init__(self) -> None:
        self._definitions: dict[str, dict[int, _Level]] = {}
        self._style_links: dict[str, str] = {}  # definition → list style that it refers to
        self._linked_styles: dict[str, str] = {}  # list style → its numbering definition
        self._instances: dict[str, _Instance] = {}
        self._counters: dict[str, list[int | None]] = {}  # definition → number by level
        self._started: set[tuple[str, int]] = set()  # (list, level) whose own start was used
        self._definition = ""
        self._instance: _Instance | None = None
        self._level: _Level | None = None
        self._override = -1

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag of `word/numbering.xml`."""
        value = attributes.get("w:val", "")
        if tag == "w:abstractNum":
            self._definition = attributes.get("w:abstractNumId", "")
            self._definitions[self._definition] = {}
            self._instance = None
        elif tag == "w:num":
            self._instance = _Instance()
            self._instances[attributes.get("w:numId", "")] = self._instance
        elif tag == "w:lvl":
            self._open_level(attributes)
        elif tag == "w:numStyleLink":
            self._style_links[self._definition] = value
        elif tag == "w:styleLink":
            self._linked_styles[value] = self._definition
        elif self._instance is not None and tag == "w:abstractNumId":
            self._instance.definition = value
        elif tag == "w:lvlOverride":
            self._override = _number(attributes.get("w:ilvl"), 0)
        elif tag == "w:startOverride" and self._instance is not None:
            self._instance.starts[self._override] = _number(value, 1)
        elif self._level is not None:
            self._set_level_property(self._level, tag, value)

    def end(self, tag: str) -> None:
        """Handle an end tag of `word/numbering.xml`."""
        if tag == "w:lvl":
            self._level = None

    def _open_level(self, attributes: Attributes) -> None:
        place = _number(attributes.get("w:ilvl"), 0)
        self._level = _Level()
        if self._instance is not None:
            self._instance.levels[place] = self._level
        elif self._definition in self._definitions:
            self._definitions[self._definition][place] = self._level

    @staticmethod
    def _set_level_property(level: _Level, tag: str, value: str) -> None:
        if tag == "w:start":
            level.start = _number(value, 1)
        elif tag == "w:numFmt":
            level.style = value
        elif tag == "w:lvlText":
            level.text = value
        elif tag == "w:isLgl":
            level.is_legal = value not in {"0", "false"}
        elif tag == "w:lvlRestart":
            level.restart = _number(value, 0)
        elif tag == "w:pStyle":
            level.paragraph_style = value

    def level_of_style(self, list_id: str, style: str) -> int | None:
        """Return the level of a list that belongs to a paragraph style; None if none does."""
        levels = self._levels(list_id)
        return next((n for n, level in levels.items() if level.paragraph_style == style), None)

    def next_label(self, list_id: str, place: int) -> str | None:
        """Count one paragraph of a list at a level, from 0; return its number as displayed.

        "" for a bullet or a level without a number; None for a list that the file does not define.
        """
        levels = self._levels(list_id)
        level = levels.get(place)
        if level is None:
            return None
        instance = self._instances[list_id]
        counters = self._counters.setdefault(self._resolve(instance.definition), [None] * _LEVELS)
        is_first = (list_id, place) not in self._started
        self._started.add((list_id, place))
        if is_first and place in instance.starts:
            counters[place] = instance.starts[place]
        else:
            previous = counters[place]
            counters[place] = level.start if previous is None else previous + 1
        for deeper in range(place + 1, _LEVELS):
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or (restart and place < restart):
                counters[deeper] = None
        if level.style in {"bullet", "none"}:
            return "" if level.style == "bullet" else _PLACEHOLDER.sub("", level.text).strip()
        return self._label(levels, counters, level)

    @staticmethod
    def _label(levels: Mapping[int, _Level], counters: list[int | None], level: _Level) -> str:
        def number_of(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            above = levels.get(place, _Level())
            number = counters[place]
            number = above.start if number is None else number
            counters[place] = number
            style = "decimal" if level.is_legal else above.style
            return format_item_number(number, style)

        return " ".join(_PLACEHOLDER.sub(number_of, level.text).split())[:_MAX_LABEL]

    def _levels(self, list_id: str) -> Mapping[int, _Level]:
        instance = self._instances.get(list_id)
        if instance is None:
            return {}
        levels = self._definitions.get(self._resolve(instance.definition), {})
        if not instance.levels:
            return levels
        own = {
            place: replace(level, text=level.text or levels.get(place, level).text)
            for place, level in instance.levels.items()
        }
        return {**levels, **own}

    def _resolve(self, definition: str) -> str:
        """Return the definition that another one refers to by a list style, else itself."""
        return self._linked_styles.get(self._style_links.get(definition, ""), definition)


def _number(value: str | None, default: int) -> int:
    value = value or ""
    is_valid = value.isdecimal() and len(value) < 10
    return min(int(value), _MAX_NUMBER) if is_valid else default
