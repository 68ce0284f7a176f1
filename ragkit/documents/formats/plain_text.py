"""Plain text → Document: its title and headings, where the layout of lines shows them.

A single first line is the title. A short line between blank lines is a heading if it is numbered,
in capitals or in Title Case; so is an underlined line. In doubt a line is text. The text itself is
not changed, except that a log loses what only a terminal shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.decoding import read_text
from ragkit.documents.layout.terminal import without_escapes, without_redrawn_lines
from ragkit.records.documents import Document, Heading

_MAX_HEADING = 70  # characters
_MAX_LINES = 200_000  # a longer file is a log
_MIN_LINES_PER_HEADING = 4  # lines with text; below, the headings are a list
_MAX_NUMBERED_WORDS = 8  # of a numbered heading
_MAX_TITLE_CASE_WORDS = 12  # of a heading in Title Case or capitals
_MAX_BLANK_LINES = 5  # lines after a heading among which text must follow
_NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){0,4}[.)]?|[IVXLC]{1,6}\.|[A-Z]\.)[ \t]+(?=\S)")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
# Words that Title Case leaves in lower case, in several languages.
_SMALL = """
a an and as at but by for from if in into is its nor of on or over per so than that the to up via
vs with das de der des die du el en im la las le les los und von y zum zur
"""
_SMALL_WORDS = frozenset(_SMALL.split())
_NOT_AT_HEADING_END = tuple(".,;:!…-–—|=*\\/>){}]\"'")
_NOT_AT_HEADING_START = "-*+•|>#"
_UNDERLINES = ("=", "-", "~", "^")


def read_plain(data: bytes, name: str) -> Document:
    """Read plain text unchanged, with the title and headings that its lines show. Never fails."""
    document = read_text(without_redrawn_lines(data), name)
    if "\x1b" in document.text:
        document = replace(document, text=without_escapes(document.text))
    lines = document.text.split("\n")
    if len(lines) > _MAX_LINES:
        return document
    headings = list(_find_headings(lines))
    if _MIN_LINES_PER_HEADING * len(headings) > sum(1 for line in lines if line.strip()):
        headings = headings[:1]
    starts_text = bool(headings) and not document.text[: headings[0].start].strip()
    return replace(
        document, headings=tuple(headings), title=headings[0].text if starts_text else None
    )


def _find_headings(lines: list[str]) -> Iterator[Heading]:
    offset = 0
    is_first = True  # only blank lines so far
    end_of_underline = 0
    for index, line in enumerate(lines):
        start, offset = offset, offset + len(line) + 1
        text = line.strip()
        if not text or start < end_of_underline:
            continue
        above = lines[index - 1].strip() if index else ""
        below = lines[index + 1].strip() if index + 1 < len(lines) else ""
        has_text_below = any(map(str.strip, lines[index + 1 : index + 1 + _MAX_BLANK_LINES]))
        mark = below[:1] if len(below) >= max(3, len(text) // 2) else ""
        is_underlined = mark in _UNDERLINES and not below.strip(mark)
        if not above and is_underlined and _is_short(text):
            end_of_underline = offset + len(lines[index + 1])
            yield Heading(start, end_of_underline, 1 if mark == "=" else 2, text)
        elif (
            has_text_below
            and not above + below
            and (_is_heading(text) or (is_first and _is_title(text)))
        ):
            yield Heading(start, start + len(line), 1 if is_first else 2, text)
        is_first = False


def _is_short(text: str) -> bool:
    return len(text) <= _MAX_HEADING and any(map(str.isalpha, text))


def _is_title(text: str) -> bool:
    """Return whether a first line between blank lines may be the document's title."""
    return _is_short(text) and not text.endswith(_NOT_AT_HEADING_END) and text[0].isupper()


def _is_heading(text: str) -> bool:
    """Return whether a line between blank lines looks like a heading."""
    if (
        not _is_short(text)
        or text.endswith(_NOT_AT_HEADING_END)
        or text[0] in _NOT_AT_HEADING_START
    ):
        return False
    number = _NUMBER.match(text)
    unnumbered = text[number.end() :] if number else text
    words = _WORD.findall(unnumbered)
    if not words or not words[0][0].isupper() or unnumbered.endswith("?"):
        return False
    if number is not None and len(words) <= _MAX_NUMBERED_WORDS:
        return True
    significant = [word for word in words if word.casefold() not in _SMALL_WORDS]
    return (
        len(words) <= _MAX_TITLE_CASE_WORDS
        and all(word[0].isupper() for word in significant)
        and len(significant) > 1
    )
