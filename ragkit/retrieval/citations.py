"""Citations: how a place in a document is written, found again and shown.

    leave.pdf#page=7-8                    pages, or one
    deck.pptx#slide=3                     slides; also cell=4 of a notebook, chapter=2 of a book
    book.xlsx#sheet=Budget!A2:F9          rows of a sheet; its name alone is all of it
    talk.srt#time=00:01:02-00:01:15       what is said from then to then
    faq.md#L40-L52                        lines of a file whose text is its own
    about.html#char=120,810               characters of the extracted text (as in RFC 5147)
    faq.md                                the whole document
    docs.zip/guide/faq.md#L40             the same of a file in an archive
    mail.mbox/3, mail.mbox/3/report.pdf   a message of a mailbox; what is attached to it
    482                                   a passage, by its id

Paths are relative to their root; an absolute path, or one relative to the working folder, is
understood too. A citation is verified when it is shown: `stale` says that the file has changed or
gone since it was indexed.

A query needs citations only: what knows how documents are cut is imported by whoever asks for more.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import UsageError
from ragkit.records.documents import Locator
from ragkit.storage.sqlite import documents
from ragkit.storage.sqlite.files import has_changed

if TYPE_CHECKING:
    from ragkit.records.reports import Excerpt

_NUMBER = r"(\d{1,18})"
_PLACE = re.compile(
    rf"#(?:(page={_NUMBER}(?:-{_NUMBER})?|(?!page=|char=)[a-z]{{1,20}}=[^#]+)"
    rf"|L{_NUMBER}(?:-L?{_NUMBER})?|char={_NUMBER},{_NUMBER})",
    re.DOTALL,
)
_LONGEST = 1000  # characters of a name that are compared with others
_PLACES = "#page=7, #L10-L42 or #char=120,810"


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a document: exactly one of locator, lines and characters, or none for all."""

    locator: str | None = None  # "page=7", "sheet=Budget!A2:F9"
    lines: tuple[int, int] | None = None  # from 1, inclusive
    characters: tuple[int, int] | None = None


def citation(
    path: str,
    locator: str | None,
    start_line: int | None,
    end_line: int | None,
    start: int,
    end: int,
) -> str:
    """The most exact way to cite a span that a person can follow."""
    if locator is not None:
        return f"{path}#{locator}"
    if start_line is not None:
        return f"{path}#L{start_line}" + (f"-L{end_line}" if end_line != start_line else "")
    return f"{path}#char={start},{end}"


def parse(reference: str) -> tuple[str, Place]:
    """A citation taken apart into path and place."""
    path, sign, rest = reference.rpartition("#")
    match = _PLACE.fullmatch(sign + rest)
    if match is None:
        return reference, Place()
    locator, _, _, first, last, start, end = match.groups()
    if locator:
        return path, Place(locator=locator)
    if first:
        return path, Place(lines=(int(first), int(last or first)))
    return path, Place(characters=(int(start), int(end)))


def locator(row: sqlite3.Row, start: int, end: int) -> str | None:
    """Where a span stands in the document of a row (pages, locators)."""
    from ragkit.passages import locators as passage_locators

    pages, locators = _places(row)
    return passage_locators.written(pages, locators, start, end)


def _places(row: sqlite3.Row) -> tuple[list[int], list[Locator]]:
    return json.loads(row["pages"]), [Locator(*each) for each in json.loads(row["locators"])]


def get(connection: sqlite3.Connection, reference: str, context: int = 0) -> Excerpt:
    """The text behind a reference, with `context` more lines on either side.

    Raises UsageError where nothing is there, with the nearest name that is.
    """
    if not reference.strip():
        raise UsageError("the reference is empty; name a document, as in: ragkit get PATH")
    is_id = reference.isascii() and reference.isdigit() and len(reference) <= 18
    if is_id and documents.document_at(connection, reference, _absolute(reference)) is None:
        row = documents.document_of_passage(connection, int(reference))
        if row is None:
            raise UsageError(f"no passage has the id {reference}")
        span = (row["start"], row["end"])
    else:
        path, place = parse(reference)
        row = documents.document_at(connection, reference, _absolute(reference))
        if row is not None:  # a file name may itself look like a citation
            place = Place()
        else:
            row = documents.document_at(connection, path, _absolute(path))
        if row is None:
            raise UsageError(_not_there(connection, path))
        span = _span(row, place, reference)
    return excerpt(row, _widened(row["text"], span, context))


def _absolute(path: str) -> str:
    try:
        return os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 (Path's may raise)
    except ValueError:  # a NUL in it
        return path


def _not_there(connection: sqlite3.Connection, path: str) -> str:
    before, mark, behind = path.rpartition("#")
    if mark and documents.document_at(connection, before, _absolute(before)) is not None:
        return f"{path}: #{behind} is no place in a document; expected {_PLACES}"
    reason = documents.why_not_read(connection, path, _absolute(path))
    if reason is not None:
        return f"{path} was not read: {reason}"
    paths = documents.document_paths(connection)
    folder = path.rstrip("/") + "/"
    inside = sum(each.startswith(folder) for each in paths)
    if inside and documents.is_file(connection, path, _absolute(path)):
        first = next(each for each in paths if each.startswith(folder))
        return f"{path} holds {inside} documents; name one, as in: ragkit get {first}"
    if inside:
        return f"{path} is a folder, {inside} of its documents are here; see: ragkit ls"
    import difflib

    near = difflib.get_close_matches(path[:_LONGEST], paths, n=1)
    hint = f"; the nearest is {near[0]}" if near else "; see: ragkit ls"
    return f"no document {path} in this collection{hint}"


def _span(row: sqlite3.Row, place: Place, reference: str) -> tuple[int, int]:
    text = row["text"]
    if place.locator is not None:
        from ragkit.passages import locators as passage_locators

        pages, locators = _places(row)
        span = passage_locators.found(place.locator, pages, locators, len(text))
        if span is None:
            raise UsageError(_no_such_place(place.locator, pages, locators, reference, row["path"]))
        return span
    if place.lines is not None:
        first, last = place.lines
        starts = line_starts(text)
        there = max(1, len(starts) - text.endswith("\n"))  # the last one ends, none begins
        _expect(reference, first, there, "line", row["path"])
        _expect_order(reference, first, last, "line")
        return starts[first - 1], starts[last] - 1 if last < len(starts) else len(text)
    if place.characters is not None:
        start, end = place.characters
        _expect_order(reference, start, end, "character")
        if end > len(text):
            raise UsageError(f"{reference}: {row['path']} has {len(text)} characters, no {end}")
        return start, end
    return 0, len(text)


def _no_such_place(
    wanted: str, pages: list[int], locators: list[Locator], reference: str, path: str
) -> str:
    """Why there is no such place, and what a document could be cited by."""
    if wanted.startswith("page=") and (pages or not locators):
        if not pages:
            return f"{reference}: {path} has no pages, only text"
        for number in map(int, wanted.removeprefix("page=").split("-")):
            _expect(reference, number, len(pages), "page", path)
    kinds = {locator.kind: locator.value for locator in locators}
    there = ", ".join(f"{kind}s up to {kind}={value}" for kind, value in kinds.items())
    return f"{reference}: {path} has {there or 'no such places'}"


def _expect(reference: str, number: int, most: int, noun: str, path: str) -> None:
    if number < 1:
        raise UsageError(f"{reference}: {noun}s count from 1; {path} has {most}")
    if number > most:
        raise UsageError(
            f"{reference}: there is no {noun} {number}; {path} has {most} {noun}{'s' * (most > 1)}"
        )


def _expect_order(reference: str, first: int, last: int, noun: str) -> None:
    if first > last:
        raise UsageError(
            f"{reference}: {noun} {first} comes after {noun} {last}; name the smaller one first"
        )


def line_starts(text: str) -> list[int]:
    """Offset of each line's first character."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def _widened(text: str, span: tuple[int, int], lines: int) -> tuple[int, int]:
    if not lines:
        return span
    start = text.rfind("\n", 0, span[0]) + 1
    end = _line_end(text, span[1])
    for _ in range(min(lines, text.count("\n") + 1)):
        start = text.rfind("\n", 0, start - 1) + 1 if start else 0
        end = _line_end(text, end + 1)
    return start, end


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return found if found >= 0 else len(text)


def excerpt(row: sqlite3.Row, span: tuple[int, int]) -> Excerpt:
    """What stands in the span of the document of a row (of `texts`), with where that is."""
    from ragkit.passages import locators as passage_locators
    from ragkit.passages.sections import next_visible, visible_end
    from ragkit.records.reports import Excerpt  # not for a query

    start, end = span
    text = row["text"]
    pages, locators = _places(row)
    # White space at the ends, as a page has, is at no place of its own.
    first_visible = next_visible(text, start, end)
    last_visible = visible_end(text, start, end)
    place = passage_locators.written(
        pages, locators, first_visible, max(last_visible, first_visible + 1)
    )
    starts = line_starts(text) if row["lines"] else []
    first = bisect_right(starts, start) if starts else None
    last = bisect_right(starts, max(start, end - 1)) if starts else None
    return Excerpt(
        path=row["path"],
        root=row["root"],
        title=row["title"] or Path(row["path"]).name,
        citation=citation(row["path"], place, first, last, start, end),
        text=text[start:end],
        start=start,
        end=end,
        page=passage_locators.main_page(text, pages, start, end),
        locator=place,
        start_line=first,
        end_line=last,
        stale=is_stale(row),
    )


def is_stale(row: sqlite3.Row) -> bool:
    """Whether the file of a row (root, file_path, size, mtime_ns, file_hash) is another by now."""
    file = f"{row['root']}/{row['file_path']}"  # ten times a search: `Path` takes its time
    return has_changed(file, row["size"], row["mtime_ns"], row["file_hash"])
