"""The paragraph styles of a Word file: which are headings, list items or the title.

Styles inherit from each other. Their ids are in the author's language ("berschrift1"); the names of
built-in styles are always English ("heading 1"). Knows the elements of `word/styles.xml` (ECMA-376
part 1, 17.7); not the document's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"toc (?:[1-9]|heading)", re.IGNORECASE)
_MAX_ANCESTORS = 20  # styles; a longer chain is a cycle
_MAX_LIST_DEPTH = 8  # from 0


class ParagraphStyle(NamedTuple):
    """The properties of a paragraph style that matter for text extraction."""

    level: int = 0  # heading level from 1; 0: no heading
    item: int = -1  # list depth from 0; -1: no list item
    list_id: str = ""  # the list that numbers its paragraphs (`w:numId`); "": none
    title: bool = False
    contents: bool = False  # a line of the table of contents, which repeats the headings
    size: int = 0  # of the letters, in half points; 0: that of the document
    bold: bool = False


PLAIN = ParagraphStyle()


@dataclass(slots=True)
class _Definition:
    """A style as the file defines it; None: inherited."""

    name: str = ""
    base: str = ""  # id of the style it inherits from
    level: int | None = None
    item: int | None = None
    list_id: str | None = None
    size: int | None = None
    bold: bool | None = None


def heading_level(value: str) -> int:
    """Return the heading level of a `w:outlineLvl` value; 0 for body text (9) or invalid values."""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def letter_size(value: str) -> int:
    """Return the size of a `w:sz` value, in half points; 0 for an invalid value."""
    return int(value) if value.isdecimal() and len(value) < 5 else 0


def list_depth(value: str) -> int:
    """Return the list depth, from 0, of a decimal `w:ilvl` value."""
    return min(int(value), _MAX_LIST_DEPTH)


class StylesHandler:
    """Collects the paragraph styles from the elements of `word/styles.xml`."""

    TAGS = frozenset(  # the elements that it handles
        {"w:style", "w:sz", "w:b", "w:name", "w:basedOn", "w:outlineLvl", "w:ilvl", "w:numId"}
    )

    def __init__(self) -> None:
        self._definitions: dict[str, _Definition] = {}
        self._current: _Definition | None = None
        self.default_size = 20  # of letters without a size, in half points

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle a start tag."""
        value = attributes.get("w:val", "")
        if tag == "w:style":
            definition = _Definition()
            if attributes.get("w:type", "paragraph") == "paragraph":
                self._definitions[attributes.get("w:styleId", "")] = definition
            self._current = definition
        elif (current := self._current) is None:
            if tag == "w:sz":  # of the document's defaults
                self.default_size = letter_size(value) or self.default_size
        elif tag == "w:sz":
            current.size = letter_size(value)
        elif tag == "w:b":
            current.bold = value not in {"0", "false", "off"}
        elif tag == "w:name":
            current.name = value
        elif tag == "w:basedOn":
            current.base = value
        elif tag == "w:outlineLvl":
            current.level = heading_level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            current.item = list_depth(value)
        elif tag == "w:numId":  # 0 removes the list that the base style sets
            current.item = (current.item or 0) if value != "0" else -1
            current.list_id = value if value != "0" else ""

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if tag == "w:style":
            self._current = None

    def resolve(self) -> dict[str, ParagraphStyle]:
        """Return the styles by id, with the properties that they inherit."""
        return {key: self._resolve_style(style) for key, style in self._definitions.items()}

    def _resolve_style(self, definition: _Definition) -> ParagraphStyle:
        style, is_contents = replace(definition), False
        for _ in range(_MAX_ANCESTORS):
            if (heading := _HEADING.fullmatch(definition.name)) and style.level is None:
                style.level = int(heading[1])
            is_contents = is_contents or _CONTENTS.fullmatch(definition.name) is not None
            base = self._definitions.get(definition.base)
            if base is None:
                break
            style.level = base.level if style.level is None else style.level
            style.item = base.item if style.item is None else style.item
            style.list_id = base.list_id if style.list_id is None else style.list_id
            style.size = base.size if style.size is None else style.size
            style.bold = base.bold if style.bold is None else style.bold
            definition = base
        return ParagraphStyle(
            level=style.level or 0,
            item=-1 if style.item is None else style.item,
            list_id=style.list_id or "",
            title=style.name.casefold() == "title",
            contents=is_contents,
            size=style.size or 0,
            bold=bool(style.bold),
        )
