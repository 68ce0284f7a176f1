"""The paragraph styles of a Word file: which are headings, which list items, which the title.

Styles inherit from each other, and their ids are in the author's language ("berschrift1"), but
their names are not ("heading 1"). Knows `word/styles.xml` as a stream of elements, no text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CONTENTS = re.compile(r"toc (?:[1-9]|heading)", re.IGNORECASE)
_LONGEST_CHAIN = 20  # styles; what inherits from further up is a loop


class Style(NamedTuple):
    """What a paragraph style means for reading."""

    level: int = 0  # of a heading, from 1
    item: int = -1  # depth of a list, from 0; -1: none
    title: bool = False
    contents: bool = False  # a line of the table of contents, which repeats the headings


PLAIN = Style()


@dataclass(slots=True)
class _Written:
    """A style as it stands in the file: None where it leaves the answer to its base."""

    name: str = ""
    base: str = ""
    level: int | None = None
    item: int | None = None


def level(value: str) -> int:
    """The heading level of a `w:outlineLvl` value; 0 for body text (9) and nonsense."""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


class Styles:
    """Collects styles from the elements of `word/styles.xml`."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}
        self._current: _Written | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        value = attributes.get("w:val", "")
        if tag == "w:style":
            style = _Written()
            if attributes.get("w:type", "paragraph") == "paragraph":
                self._written[attributes.get("w:styleId", "")] = style
            self._current = style
        elif (current := self._current) is None:
            return
        elif tag == "w:name":
            current.name = value
        elif tag == "w:basedOn":
            current.base = value
        elif tag == "w:outlineLvl":
            current.level = level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            current.item = min(int(value), 8)
        elif tag == "w:numId":
            current.item = (current.item or 0) if value != "0" else -1

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag == "w:style":
            self._current = None

    def resolved(self) -> dict[str, Style]:
        """Style by id, with what each inherits."""
        return {key: self._resolve(written) for key, written in self._written.items()}

    def _resolve(self, written: _Written) -> Style:
        found, name = replace(written), ""
        for _ in range(_LONGEST_CHAIN):
            if (heading := _HEADING.fullmatch(written.name)) and found.level is None:
                found.level = int(heading[1])
            name = name or (written.name if _CONTENTS.fullmatch(written.name) else "")
            base = self._written.get(written.base)
            if base is None:
                break
            found.level = base.level if found.level is None else found.level
            found.item = base.item if found.item is None else found.item
            written = base
        return Style(
            level=found.level or 0,
            item=-1 if found.item is None else found.item,
            title=found.name.casefold() == "title",
            contents=bool(name),
        )
