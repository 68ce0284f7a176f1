"""Read a document by lines or by pages, in parts that fit a token budget.

Lines are those of the extracted text, also where the format has none, so they count alike in a PDF,
a spreadsheet and a source file; `grep` names the same lines.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.errors import UsageError
from ragkit.lookup.budget import check_budget, fitting_length
from ragkit.passages import locators as passage_locators
from ragkit.records.lookup import TextPart
from ragkit.retrieval.citations import build_excerpt, find_document, line_starts
from ragkit.retrieval.hits import document_locators
from ragkit.storage.sqlite import documents


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What to read of a document. Raises UsageError for a value out of range."""

    lines: tuple[int, int] | None = None  # first and last line, from 1
    pages: tuple[int, int] | None = None  # first and last page, from 1
    max_tokens: int | None = None  # of the text that is returned
    cursor: str | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        if self.lines is not None and self.pages is not None:
            raise UsageError("both lines and pages are given; expected one of them")
        for name, value in (("lines", self.lines), ("pages", self.pages)):
            if value is not None and not 1 <= value[0] <= value[1]:
                raise UsageError(
                    f"{name} is {value[0]}-{value[1]}; expected FIRST-LAST, counted from 1"
                )
        check_budget(self.max_tokens)
        if self.cursor is not None and not (self.cursor.isdecimal() and len(self.cursor) <= 18):
            raise UsageError(
                f"{self.cursor[:100]!r} is not a cursor; expected that of an earlier result"
            )


def parse_range(text: str, name: str) -> tuple[int, int]:
    """Return the range that `12` or `12-40` names. Raises UsageError; `name` is what it is of."""
    first, sign, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not sign) and len(text) <= 40):
        raise UsageError(f"{name} is {text[:60]!r}; expected FIRST-LAST, as in 12-40")
    return int(first), int(last or first)


def read(connection: sqlite3.Connection, reference: str, options: ReadOptions) -> TextPart:
    """Return a part of the text of a document, from the line that the cursor names.

    `reference` is a path, a citation or a passage id; a citation without `lines` and `pages` means
    its own part. Only complete lines are returned, unless one alone exceeds the budget. Raises
    UsageError for a part that does not exist.
    """
    row, cited = find_document(connection, reference)
    text: str = row["text"]
    starts = line_starts(text)
    if len(starts) > 1 and starts[-1] == len(text):
        starts.pop()  # nothing follows the last line break
    pages, _ = document_locators(row)
    start, end = cited
    if options.lines is not None:
        first, last = options.lines
        _expect(row["path"], first, len(starts), "line")
        start, end = starts[first - 1], _start_of(starts, last, len(text))
    elif options.pages is not None:
        first, last = options.pages
        if not pages:
            raise UsageError(f"{row['path']} has no pages; expected lines, 1 to {len(starts)}")
        _expect(row["path"], first, len(pages), "page")
        start, end = pages[first - 1], _start_of(pages, last, len(text))
    if options.cursor is not None:
        start = int(options.cursor)
        if not 0 <= start < max(end, 1):
            raise UsageError(
                f"the cursor {options.cursor} is not in this part of {row['path']}; the document "
                "may have changed: read it from the start"
            )
    stop = start + _fitting(text[start:end], options.max_tokens)
    path = documents.cited_path(connection, row["root"], row["path"])
    excerpt = build_excerpt(row, (start, stop), path)
    return TextPart(
        citation=excerpt.citation,
        path=excerpt.path,
        root=excerpt.root,
        title=excerpt.title,
        text=excerpt.text,
        first_line=bisect_right(starts, start),
        last_line=bisect_right(starts, max(start, stop - 1)),
        lines=len(starts),
        page=passage_locators.page_at(pages, start) if pages else None,
        pages=len(pages),
        start=start,
        end=stop,
        characters=len(text),
        cursor=str(stop) if stop < end else None,
        stale=excerpt.stale,
    )


def _start_of(starts: Sequence[int], number: int, length: int) -> int:
    """The offset at which the part after part `number` (from 1) begins."""
    return starts[number] if number < len(starts) else length


def _fitting(text: str, max_tokens: int | None) -> int:
    """How many characters fit: whole lines where at least one does."""
    length = fitting_length(text, max_tokens)
    if length < len(text) and (line_end := text.rfind("\n", 0, length)) >= 0:
        return line_end + 1
    return length


def _expect(path: str, number: int, count: int, noun: str) -> None:
    if number > count:
        raise UsageError(f"{path} has {count} {noun}{'s' * (count != 1)}, no {noun} {number}")
