"""The tables at the head of an RTF file: code page, fonts, styles, and what it says of itself.

Takes control words and text as the reader meets them; knows nothing of the document's body.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from ragkit.documents.formats.office import rtf_words as words

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


@dataclass(slots=True)
class Style:
    """What a paragraph style means for reading."""

    level: int = 0  # of a heading, from 1
    title: bool = False


@dataclass(slots=True)
class Header:
    """The tables, as far as they have been read."""

    code_page: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)  # encodings
    styles: dict[int, Style] = field(default_factory=dict)
    information: dict[str, str] = field(default_factory=dict)  # title, author, created, …
    _font: int = 0  # whose entry is open
    _style: int = 0
    _date: dict[str, int] = field(default_factory=dict)

    def encoding(self, font: int) -> str:
        """By which the bytes of a font's text are read."""
        return self.fonts.get(font, self.code_page)

    def character_set(self, word: str, number: int | None) -> None:
        """One of `\\ansi`, `\\mac`, `\\pc`, `\\pca` and `\\ansicpg`."""
        self.code_page = words.CODE_PAGES.get(word) or _codec(number)

    def font(self, word: str, number: int | None) -> None:
        """A control word in the table of fonts."""
        if word == "f":
            self._font = number or 0
        elif word == "fcharset" and number in words.CHARSETS:
            self.fonts[self._font] = words.CHARSETS[number]
        elif word == "cpg" and number:
            self.fonts[self._font] = _codec(number)

    def style(self, word: str, number: int | None) -> None:
        """A control word in the table of styles."""
        if word == "s":
            self._style = number or 0
            self.styles[self._style] = Style()
        elif word == "outlinelevel" and self._style in self.styles:
            self.styles[self._style].level = level(number)

    def end_style(self, name: str) -> None:
        """A style's definition ends with its name, which is English in every language's file."""
        style = self.styles.get(self._style)
        if style is not None and name:
            style.title = style.title or name.casefold() == "title"
            if heading := _HEADING.fullmatch(name):
                style.level = style.level or int(heading[1])

    def date(self, word: str, number: int | None) -> None:
        """A control word in a date: `\\yr2024`."""
        self._date[word] = number or 0

    def end_information(self, key: str, text: str) -> None:
        """One entry about the document ends; a date has come as numbers."""
        date, self._date = self._date, {}
        if date:
            text = f"{date.get('yr', 0):04}-{date.get('mo', 1):02}-{date.get('dy', 1):02}"
        if text := " ".join(text.split())[:1000]:
            self.information.setdefault(key, text)


def level(number: int | None) -> int:
    """The heading level of an `\\outlinelevel`; 0 for body text and nonsense."""
    return number + 1 if number is not None and 0 <= number < 9 else 0


def _codec(number: int | None) -> str:
    """Python's name for a Windows code page; Western European where it has none."""
    name = {65001: "utf-8", 10000: "mac_roman"}.get(number or 0, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
