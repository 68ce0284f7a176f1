"""Plain text → Document: its title and headings, where its author has set them apart.

A first line alone is the title; a short line alone, in capitals, numbered or written Like A
Title, is a heading, and so is an underlined one. When in doubt a line is text. Renders nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.decoding import read_text
from ragkit.records.documents import Document, Heading

_LONGEST = 70  # characters of a heading
_MOST_LINES = 200_000  # a longer file is a log
_SHARE = 4  # of the lines that are not blank, no more than one in so many is a heading
_NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){0,4}[.)]?|[IVXLC]{1,6}\.|[A-Z]\.)[ \t]+(?=\S)")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_SMALL = """
a an and as at but by for from if in into is its nor of on or over per so than that the to up via
vs with das de der des die du el en im la las le les los und von y zum zur
"""
_SMALL_WORDS = frozenset(_SMALL.split())
_NO_HEADING = tuple(".,;:!…-–—|=*\\/>){}]\"'")


def read_plain(data: bytes, name: str) -> Document:
    """Plain text as it stands, with what its lines show. Never fails."""
    document = read_text(data, name)
    lines = document.text.split("\n")
    if len(lines) > _MOST_LINES:
        return document
    found = list(_headings(lines))
    if _SHARE * len(found) > sum(1 for line in lines if line.strip()):
        found = found[:1]
    title = found[0].text if found and not document.text[: found[0].start].strip() else None
    return replace(document, headings=tuple(found), title=title)


def _headings(lines: list[str]) -> Iterator[Heading]:
    at = 0
    first = True  # nothing but blank lines so far
    end_of_last = 0
    for index, line in enumerate(lines):
        start, at = at, at + len(line) + 1
        words = line.strip()
        if not words or start < end_of_last:
            continue
        before = lines[index - 1].strip() if index else ""
        below = lines[index + 1].strip() if index + 1 < len(lines) else ""
        after = any(map(str.strip, lines[index + 1 : index + 6]))  # a heading heads something
        mark = below[:1] if len(below) >= max(3, len(words) // 2) else ""
        if not before and mark in ("=", "-", "~", "^") and not below.strip(mark) and _short(words):
            end_of_last = at + len(lines[index + 1])
            yield Heading(start, end_of_last, 1 if mark == "=" else 2, words)
        elif after and not before + below and (_like_heading(words) or (first and _title(words))):
            yield Heading(start, start + len(line), 1 if first else 2, words)
        first = False


def _short(words: str) -> bool:
    return len(words) <= _LONGEST and any(map(str.isalpha, words))


def _title(words: str) -> bool:
    """Whether a first line that stands alone may be what the text is called."""
    return _short(words) and not words.endswith(_NO_HEADING) and words[0].isupper()


def _like_heading(words: str) -> bool:
    """Whether a line that stands alone looks like a heading."""
    if not _short(words) or words.endswith(_NO_HEADING) or words[0] in "-*+•|>#":
        return False
    number = _NUMBER.match(words)
    rest = words[number.end() :] if number else words
    found = _WORD.findall(rest)
    if not found or not found[0][0].isupper() or rest.endswith("?"):
        return False
    if number is not None and len(found) <= 8:
        return True
    large = [word for word in found if word.casefold() not in _SMALL_WORDS]
    return len(found) <= 12 and all(word[0].isupper() for word in large) and len(large) > 1
