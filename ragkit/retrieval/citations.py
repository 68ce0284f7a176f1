"""Citations: parse a reference to a part of a document, and return the text that it names.

    leave.pdf#page=7-8                    pages, or one
    deck.pptx#slide=3                     slides; also cell=4 of a notebook, chapter=2 of a book
    book.xlsx#sheet=Budget!A2:F9          cells of a sheet; without cells the whole sheet
    talk.srt#time=00:01:02-00:01:15       what is said in that interval
    faq.md#L40-L52                        lines of a text file
    about.html#char=120,810               characters of the extracted text (as in RFC 5147)
    faq.md                                the whole document
    docs.zip/guide/faq.md#L40             the same of a file in an archive
    mail.mbox/3, mail.mbox/3/report.pdf   a message of a mailbox, and its attachment
    482                                   a passage, by its id

So are the other forms in which hits are printed: `leave.pdf, page 7`, `faq.md, lines 40–52`,
`faq.md:40:1`, `leave.pdf#page=7 line 120` (by `ragkit grep`: of the extracted text), and paths
shortened by "…" or with signs in place of control characters.

Paths are relative to their root. Where several roots have the same path, the name of the root's
folder precedes it: `notes/faq.md#L40`. An absolute path and one relative to the working folder are
accepted too. `hits.format_citation` writes citations. Raises UsageError for a reference that names
nothing, with what is there instead.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ragkit.errors import UsageError
from ragkit.records.documents import Locator
from ragkit.retrieval.hits import document_locators, format_citation, is_stale
from ragkit.storage.sqlite import documents

if TYPE_CHECKING:
    from ragkit.records.reports import Excerpt

_NUMBER = r"(\d{1,18})"
_PART = re.compile(
    rf"#(?:(page={_NUMBER}(?:-{_NUMBER})?|(?!page=|char=)[a-z]{{1,20}}=[^#]+)"
    rf"|L{_NUMBER}(?:-L?{_NUMBER})?|char={_NUMBER},{_NUMBER})",
    re.DOTALL,
)
# How a terminal shows a place (`faq.md, lines 40–52`), and an editor (`faq.md:40:1`).
_PLACE = re.compile(r"(.+), ([a-z]{1,20}) ([^,]+)", re.DOTALL)
_GREP = re.compile(rf"(.+) line {_NUMBER}", re.DOTALL)
_EDITOR = re.compile(rf"(.+?):{_NUMBER}(?::\d{{1,18}})?", re.DOTALL)
_PLURALS = ("pages", "slides", "cells", "chapters", "rows", "lines")
_ANY_TEXT = "…"
# What a terminal is shown as U+FFFD: C1 controls, marks and bidirectional controls.
_UNPRINTABLE = "[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]"
_CONTROL_PICTURES = {chr(0x2400 + code): chr(code) for code in range(0x20)} | {"\u2421": "\x7f"}
_MAX_COMPARED = 1000  # characters of a path that are compared with others
_EXAMPLES = "#page=7, #L10-L42 or #char=120,810"


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A part of a document: at most one of locator, lines and characters; without any, all of
    it."""

    locator: str | None = None  # "page=7", "sheet=Budget!A2:F9"
    lines: tuple[int, int] | None = None  # from 1, inclusive
    characters: tuple[int, int] | None = None


def parse_citation(reference: str) -> tuple[str, DocumentPart]:
    """Split a citation into the document's path and the part of it.

    If the text after the last "#" is not a valid part, the complete reference is the path.
    """
    path, sign, fragment = reference.rpartition("#")
    match = _PART.fullmatch(sign + fragment)
    if match is None:
        return reference, DocumentPart()
    locator, _, _, first, last, start, end = match.groups()
    if locator:
        return path, DocumentPart(locator=locator)
    if first:
        return path, DocumentPart(lines=(int(first), int(last or first)))
    return path, DocumentPart(characters=(int(start), int(end)))


def get_excerpt(connection: sqlite3.Connection, reference: str, context: int = 0) -> Excerpt:
    """Return the text that a reference names, with `context` more lines on either side.

    Raises UsageError if there is no such document or part, with the most similar path that exists;
    CollectionError if the stored text is damaged.
    """
    row, span = find_document(connection, reference)
    cited = documents.cited_path(connection, row["root"], row["path"])
    return build_excerpt(row, _extend_by_lines(row["text"], span, context), cited)


def find_document(
    connection: sqlite3.Connection, reference: str
) -> tuple[sqlite3.Row, tuple[int, int]]:
    """Return the document of a reference and the span of the part that it names, in characters.

    Raises as `get_excerpt` does.
    """
    if not reference.strip():
        raise UsageError("the reference is empty; name a document, as in: ragkit get PATH")
    is_id = reference.isascii() and reference.isdigit() and len(reference) <= 18
    if is_id and documents.document_at(connection, reference, _absolute(reference)) is None:
        row = documents.document_of_passage(connection, int(reference))
        if row is None:
            raise UsageError(f"no passage has the id {reference}")
        documents.require_intact(connection, row, row["path"])
        span = (row["start"], row["end"])
    else:
        path, part = parse_citation(reference)
        row = documents.document_at(connection, reference, _absolute(reference))
        if row is not None:  # a file name may itself look like a citation
            part = DocumentPart()
        else:
            row = documents.document_at(connection, path, _absolute(path))
        if row is None:
            row, part = _find_as_shown(connection, reference)
        if row is None:
            raise UsageError(_missing_document(connection, path))
        documents.require_intact(connection, row, row["path"])
        span = _span(row, part, reference)
    return row, span


def _find_as_shown(
    connection: sqlite3.Connection, reference: str
) -> tuple[sqlite3.Row | None, DocumentPart]:
    """Return the document and the part of a reference in a form that is meant for people or for an
    editor; None if there is no such document."""
    forms = [parse_citation(reference), *_parse_shown(reference)]
    for path, part in forms:
        if (row := documents.document_at(connection, path, _absolute(path))) is not None:
            return row, part
    for path, part in forms:
        if (row := _find_by_pattern(connection, path)) is not None:
            return row, part
    return None, DocumentPart()


def _parse_shown(reference: str) -> Iterator[tuple[str, DocumentPart]]:
    if match := _PLACE.fullmatch(reference):
        path, kind, value = match.groups()
        if kind in _PLURALS:
            kind, value = kind.removesuffix("s"), value.replace("–", "-")
        if kind != "line":
            yield path, DocumentPart(locator=f"{kind}={quote(value)}")
        elif re.fullmatch(rf"{_NUMBER}(-{_NUMBER})?", value):
            yield parse_citation(f"{path}#L{value}")
    if match := _GREP.fullmatch(reference):
        yield parse_citation(match[1])[0], DocumentPart(lines=(int(match[2]), int(match[2])))
    if match := _EDITOR.fullmatch(reference):
        yield parse_citation(f"{match[1]}#L{match[2]}")


def _find_by_pattern(connection: sqlite3.Connection, path: str) -> sqlite3.Row | None:
    """Return the document whose path was printed like this: shortened in the middle, or with
    visible signs for control characters. Raises UsageError if there are several."""
    signs = {_ANY_TEXT, "\ufffd", *_CONTROL_PICTURES}
    if not signs & set(path) or len(path) > _MAX_COMPARED:
        return None
    pattern = "".join(map(_sign_glob, path))
    matches = re.compile(fnmatch.translate(pattern)).match  # never backtracks far
    ends_like = re.compile(fnmatch.translate(f"*/{pattern}")).match  # with folders of the root
    places = documents.document_places(connection)
    has_roots = len({root for root, _ in places}) > 1
    found = [
        (root, name)
        for root, name in places
        if matches(name) or (has_roots and ends_like(f"{root}/{name}"))
    ]
    absolute = sorted("/".join(place) for place in found)
    if len(absolute) > 1:
        raise UsageError(
            f"{path} can be any of {len(absolute)} documents; name one of {', '.join(absolute[:5])}"
        )
    return documents.document_at(connection, absolute[0], absolute[0]) if absolute else None


def _sign_glob(sign: str) -> str:
    if sign in _CONTROL_PICTURES:
        return f"[{sign}{_CONTROL_PICTURES[sign]}]"
    return {_ANY_TEXT: "*", "\ufffd": _UNPRINTABLE}.get(sign, glob.escape(sign))


def _absolute(path: str) -> str:
    try:
        return os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 (Path's may raise)
    except ValueError:  # a NUL in it
        return path


def _missing_document(connection: sqlite3.Connection, path: str) -> str:
    document, mark, fragment = path.rpartition("#")
    if mark and documents.document_at(connection, document, _absolute(document)) is not None:
        return f"{path}: #{fragment} is not a part of a document; expected {_EXAMPLES}"
    reason = documents.unread_reason(connection, path, _absolute(path))
    if reason is not None:
        return f"{path} was not read: {reason}"
    paths = documents.document_paths(connection)
    folder = path.rstrip("/") + "/"
    inside = sum(document_path.startswith(folder) for document_path in paths)
    if inside and documents.is_file(connection, path, _absolute(path)):
        first = next(document_path for document_path in paths if document_path.startswith(folder))
        return f"{path} contains {inside} documents; name one, as in: ragkit get {first}"
    if inside:
        return f"{path} is a folder, {inside} of its documents are here; see: ragkit ls"
    import difflib

    similar = difflib.get_close_matches(path[:_MAX_COMPARED], paths, n=1)
    hint = f"; the nearest is {similar[0]}" if similar else "; see: ragkit ls"
    return f"no document {path} in this collection{hint}"


def _span(row: sqlite3.Row, part: DocumentPart, reference: str) -> tuple[int, int]:
    text = row["text"]
    if part.locator is not None:
        from ragkit.passages import locators as passage_locators

        pages, locators = document_locators(row)
        span = passage_locators.find_span(part.locator, pages, locators, len(text))
        if span is None:
            raise UsageError(_missing_part(part.locator, pages, locators, reference, row["path"]))
        return span
    if part.lines is not None:
        first, last = part.lines
        starts = line_starts(text)
        count = max(1, len(starts) - text.endswith("\n"))  # nothing follows the last line break
        _expect(reference, first, count, "line", row["path"])
        _expect_order(reference, first, last, "line")
        return starts[first - 1], starts[last] - 1 if last < len(starts) else len(text)
    if part.characters is not None:
        start, end = part.characters
        _expect_order(reference, start, end, "character")
        if end > len(text):
            raise UsageError(f"{reference}: {row['path']} has {len(text)} characters, no {end}")
        return start, end
    return 0, len(text)


def _missing_part(
    locator_text: str, pages: list[int], locators: list[Locator], reference: str, path: str
) -> str:
    """Return why a document has no such part, and the locators that it has."""
    if locator_text.startswith("page=") and (pages or not locators):
        if not pages:
            return f"{reference}: {path} has no pages, only text"
        for number in map(int, locator_text.removeprefix("page=").split("-")):
            _expect(reference, number, len(pages), "page", path)
    kinds = {locator.kind: locator.value for locator in locators}
    available = ", ".join(f"{kind}s up to {kind}={value}" for kind, value in kinds.items())
    return f"{reference}: {path} has {available or 'no such parts'}"


def _expect(reference: str, number: int, count: int, noun: str, path: str) -> None:
    if number < 1:
        raise UsageError(f"{reference}: {noun}s count from 1; {path} has {count}")
    if number > count:
        raise UsageError(
            f"{reference}: there is no {noun} {number}; "
            f"{path} has {count} {noun}{'s' * (count > 1)}"
        )


def _expect_order(reference: str, first: int, last: int, noun: str) -> None:
    if first > last:
        raise UsageError(
            f"{reference}: {noun} {first} comes after {noun} {last}; name the smaller one first"
        )


def line_starts(text: str) -> list[int]:
    """Return the offset of each line's first character."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def _extend_by_lines(text: str, span: tuple[int, int], lines: int) -> tuple[int, int]:
    if not lines:
        return span
    start = text.rfind("\n", 0, span[0]) + 1
    end = _line_end(text, span[1])
    for _ in range(min(lines, text.count("\n") + 1)):
        start = text.rfind("\n", 0, start - 1) + 1 if start else 0
        end = _line_end(text, end + 1)
    return start, end


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return end if end >= 0 else len(text)


def build_excerpt(
    row: sqlite3.Row, span: tuple[int, int], cited_path: str | None = None
) -> Excerpt:
    """Return the text of a span of a document's row, with its locator and citation.

    `cited_path` is that of `documents.cited_path`. Default: the document's path.
    """
    from ragkit.passages import locators as passage_locators
    from ragkit.passages.sections import next_visible, visible_end
    from ragkit.records.reports import Excerpt  # not for a query

    start, end = span
    text = row["text"]
    pages, locators = document_locators(row)
    # White space at the ends, as of a page, does not count for the locator.
    first_visible = next_visible(text, start, end)
    last_visible = visible_end(text, start, end)
    locator = passage_locators.format_locator(
        pages, locators, first_visible, max(last_visible, first_visible + 1)
    )
    starts = line_starts(text) if row["lines"] else []
    first = bisect_right(starts, start) if starts else None
    last = bisect_right(starts, max(start, end - 1)) if starts else None
    return Excerpt(
        path=row["path"],
        root=row["root"],
        title=row["title"] or Path(row["path"]).name,
        citation=format_citation(cited_path or row["path"], locator, first, last, start, end),
        text=text[start:end],
        start=start,
        end=end,
        page=passage_locators.main_page(text, pages, start, end),
        locator=locator,
        start_line=first,
        end_line=last,
        stale=is_stale(row),
    )
