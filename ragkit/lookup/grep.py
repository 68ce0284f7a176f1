"""Regular expressions over the extracted text of all documents.

The engine is Python's own, in a child process (`grep_process`) that is killed when the time is
over. Why not another one: `regex` limits the time of a match, but not that of compiling
(`(a{1000}){1000}` twice: 9 seconds and 800 MB); RE2 is linear, but its `\\b` and `\\w` know ASCII
only and would miss words with umlauts. A match may span lines, because extracted text is wrapped:
`write-ahead\\s+log` is found across a line break. Knows no ranking.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.documents.sandbox.processes import environment, hide_window
from ragkit.errors import UnavailableError, UsageError
from ragkit.lookup import grep_process
from ragkit.lookup.listing import expand_braces
from ragkit.passages import locators as passage_locators
from ragkit.records.lookup import GrepMatch, GrepResult
from ragkit.retrieval.citations import line_starts
from ragkit.retrieval.hits import document_locators, format_citation, is_stale
from ragkit.storage.sqlite import documents, filters
from ragkit.storage.sqlite.filters import Condition, path_matches

MAX_PATTERN = 2_000  # characters
MAX_SECONDS = 60.0
MAX_CONTEXT = 50  # lines
MAX_LINE = 400  # characters of a line that are shown
_MEMORY_MB = 1_024  # of the child process
_START_SECONDS = 30  # until the process runs; not a part of the time for the search
_FRAME_CHARACTERS = 1_000_000  # of the texts that are sent together
_FRAME_DOCUMENTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class GrepOptions:
    """What to search for and where. Raises UsageError for a value out of range."""

    pattern: str  # Python's syntax; ^ and $ match at lines
    ignore_case: bool = False
    literal: bool = False  # the pattern is a text, not an expression
    word: bool = False  # only whole words
    glob: str | None = None  # only documents whose path matches, in .gitignore's syntax
    context: int = 0  # lines before and after each match
    limit: int = 100  # matches
    cursor: str | None = None
    seconds: float = 10.0  # maximum time

    def __post_init__(self) -> None:
        """Check every value."""
        if not self.pattern or len(self.pattern) > MAX_PATTERN:
            raise UsageError(
                f"the pattern has {len(self.pattern):,} characters; expected 1 to {MAX_PATTERN:,}"
            )
        if not 0 <= self.context <= MAX_CONTEXT:
            raise UsageError(f"context is {self.context}; expected 0 to {MAX_CONTEXT} lines")
        if self.limit < 1:
            raise UsageError(f"limit is {self.limit}; expected 1 match or more")
        if not 0 < self.seconds <= MAX_SECONDS:
            raise UsageError(f"seconds is {self.seconds:g}; expected up to {MAX_SECONDS:g}")
        parse_cursor(self.cursor)


def parse_cursor(cursor: str | None) -> tuple[int, int]:
    """Return the id of a document and an offset in its text: the result continues with the line
    after that offset. Raises UsageError."""
    if cursor is None:
        return 0, 0
    document, _, offset = cursor.partition(":")
    if not (document.isdecimal() and offset.isdecimal() and len(cursor) <= 40):
        raise UsageError(f"{cursor[:100]!r} is not a cursor; expected that of an earlier result")
    return int(document), int(offset)


def cursor_after(match: GrepMatch) -> str:
    """Return the cursor of a result whose last match this is."""
    return f"{match.document_id}:{max(match.start, match.end - 1)}"


def grep(
    connection: sqlite3.Connection, options: GrepOptions, where: Condition | None
) -> GrepResult:
    """Return the lines in which the pattern matches, by ascending document id.

    Raises UsageError for a pattern that is no regular expression, UnavailableError if no process
    can be started.
    """
    document, offset = parse_cursor(options.cursor)
    if where is None:
        ids = documents.all_ids(connection, document)
    else:
        ids = filters.matching_documents(connection, where, document)
    if options.glob is not None:
        patterns = expand_braces(options.glob)
        paths = documents.display_paths(connection, ids)
        ids = [id_ for id_ in ids if any(path_matches(glob, paths[id_]) for glob in patterns)]
    found: list[GrepMatch] = []
    searched = 0
    with _Matcher(options) as matcher:
        for rows in _frames(connection, ids):
            starts = [_line_after(row["text"], offset) if row["id"] == document else 0
                      for row in rows]  # fmt: skip
            limit = options.limit + 1 - len(found)
            for row, spans in matcher.search(rows, starts, limit):
                searched += 1
                allowed = spans
                if where is not None and where.has_passage_fields:
                    allowed = _within(spans, filters.matching_spans(connection, where, row["id"]))
                if allowed:
                    cited = documents.cited_path(connection, row["root"], row["path"])
                    found += _matches(row, cited, allowed, options.context)
                if len(found) > options.limit:
                    kept = tuple(found[: options.limit])
                    return GrepResult(kept, cursor_after(kept[-1]), searched)
            if matcher.stopped_in is not None:
                return _stopped(options, matcher.stopped_in, found, searched, ids)
    return GrepResult(tuple(found), None, searched)


def _stopped(
    options: GrepOptions,
    row: sqlite3.Row,
    found: Sequence[GrepMatch],
    searched: int,
    ids: Sequence[int],
) -> GrepResult:
    """The result of a search that was ended while it was in this document.

    It continues with this document, or after it if there was time for nothing else.
    """
    left = len(ids) - bisect_right(ids, row["id"])
    notice = f"stopped after {options.seconds:g} s"
    if searched:
        cursor: str | None = f"{row['id'] - 1}:0"
        notice += f"; {left + 1:,} documents are not searched yet: continue with the cursor"
    else:
        cursor = f"{row['id']}:{len(row['text'])}" if left else None
        notice += (
            f" in {row['path']}, which is not searched completely: the pattern takes too long "
            f"there. {left:,} documents after it are not searched yet. Expected a simpler pattern, "
            "without nested quantifiers"
        )
    return GrepResult(tuple(found), cursor, searched, notice)


def _line_after(text: str, offset: int) -> int:
    line_end = text.find("\n", offset)
    return len(text) if line_end < 0 else line_end + 1


def _frames(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[list[sqlite3.Row]]:
    """Yield the documents of these ids, in groups of limited size. Damaged ones are left out and
    reported."""
    group: list[sqlite3.Row] = []
    size = 0
    for first in range(0, len(ids), _FRAME_DOCUMENTS):
        for row in documents.rows_with_text(connection, ids[first : first + _FRAME_DOCUMENTS]):
            group.append(row)
            size += len(row["text"])
            if size >= _FRAME_CHARACTERS:
                yield group
                group, size = [], 0
    if group:
        yield group


@dataclass(slots=True)
class _Matcher:
    """The child process, for one search."""

    options: GrepOptions
    stopped_in: sqlite3.Row | None = None  # the document in which it was ended
    _process: subprocess.Popen[bytes] | None = None
    _timer: threading.Timer | None = None
    _started: float = field(default_factory=time.monotonic)

    def __enter__(self) -> _Matcher:
        options = self.options
        program = Path(grep_process.__file__)
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own file)
                [sys.executable, "-I", "-S", "-B", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                creationflags=hide_window(),
            )
            self._kill_after(_START_SECONDS)
            started = self._receive() is not None
            # From here on, so that a busy machine, on which a process starts slowly, does not
            # shorten the time for the search.
            self._kill_after(options.seconds)
        except (OSError, RuntimeError) as error:
            self.__exit__()
            raise UnavailableError(f"no process for grep can be started: {error}") from error
        if not started:
            self.__exit__()
            raise UnavailableError(
                f"the process for grep ended, or did not start within {_START_SECONDS} s"
            )
        request = {
            "pattern": options.pattern, "ignore_case": options.ignore_case,
            "literal": options.literal, "word": options.word,
            "memory_mb": _MEMORY_MB, "seconds": options.seconds,
        }  # fmt: skip
        try:
            self._send(json.dumps(request).encode())
            problem = self._receive()
        except OSError:
            problem = None
        if problem is None:
            self.__exit__()
            raise UsageError(
                f"the pattern {_shorten(options.pattern)} takes too long or too much memory to "
                "compile; expected a simpler regular expression"
            )
        if problem:
            self.__exit__()
            raise UsageError(
                f"{_shorten(options.pattern)} is no regular expression: {problem.decode()}. "
                "Expected Python's syntax; to search for this text itself, use literal (-F)"
            )
        return self

    def _kill_after(self, seconds: float) -> None:
        """Have the process killed after so many seconds from now, and not before."""
        assert self._process is not None  # noqa: S101
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.kill()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()
            self._process.wait()

    def search(
        self, rows: Sequence[sqlite3.Row], starts: Sequence[int], limit: int
    ) -> Iterator[tuple[sqlite3.Row, list[tuple[int, int]]]]:
        """Yield each document with the spans of its matches; end where the process is killed."""
        texts = [row["text"].encode("utf-8", "surrogatepass") for row in rows]
        header = [(start, len(text), limit) for start, text in zip(starts, texts, strict=True)]
        row = rows[0]
        try:
            self._send(json.dumps(header).encode())
            self._send(b"".join(texts))
            for row in rows:
                answer = self._receive()
                if answer is None:
                    self.stopped_in = row
                    return
                yield row, [(start, end) for start, end in json.loads(answer)]
        except OSError:  # the pipe is closed: it was killed while we wrote
            self.stopped_in = row

    def _send(self, data: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None  # noqa: S101
        grep_process.write_frame(self._process.stdin, data)

    def _receive(self) -> bytes | None:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101
        return grep_process.read_frame(self._process.stdout)


def _shorten(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 100 else f"{pattern[:100]}…")


def _within(
    spans: Sequence[tuple[int, int]], allowed: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the spans that begin in one of `allowed`."""
    return [span for span in spans if any(start <= span[0] < end for start, end in allowed)]


def _matches(
    row: sqlite3.Row, cited_path: str, spans: Sequence[tuple[int, int]], context: int
) -> Iterator[GrepMatch]:
    text = row["text"]
    starts = line_starts(text)
    if len(starts) > 1 and starts[-1] == len(text):
        starts.pop()  # nothing follows the last line break
    pages, locators = document_locators(row)
    stale = is_stale(row)

    def lines(first: int, last: int) -> list[str]:
        """Lines from `first` to before `last`, counted from 0, without line breaks."""
        return [
            text[starts[at] : starts[at + 1] - 1 if at + 1 < len(starts) else len(text)].rstrip(
                "\n"
            )
            for at in range(max(0, first), min(last, len(starts)))
        ]

    for start, end in spans:
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, max(start, end - 1)) - 1
        locator = passage_locators.format_locator(pages, locators, start, max(start + 1, end))
        numbered = bool(row["lines"])
        line_start, shown = starts[first], "\n".join(lines(first, last + 1))
        line_end = line_start + len(shown)
        shortened, offset = _around(shown, start - line_start, end - line_start)
        yield GrepMatch(
            citation=format_citation(
                cited_path,
                locator,
                first + 1 if numbered else None,
                last + 1 if numbered else None,
                line_start,
                line_end,
            ),
            line=first + 1,
            text=shortened,
            offset=offset,
            before=tuple(map(_cut, lines(first - context, first))),
            after=tuple(map(_cut, lines(last + 1, last + 1 + context))),
            path=row["path"],
            root=row["root"],
            document_id=row["id"],
            page=passage_locators.page_at(pages, start) if pages else None,
            locator=locator,
            start=start,
            end=end,
            stale=stale,
        )


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


def _around(line: str, start: int, end: int) -> tuple[str, int]:
    """Return a line and the offset of the match `[start, end)` in it; of a long line only the part
    around the match."""
    if len(line) <= MAX_LINE:
        return line, start
    end = min(end, start + MAX_LINE - 2)
    first = max(0, min(start - (MAX_LINE - (end - start)) // 2, len(line) - MAX_LINE))
    last = min(len(line), first + MAX_LINE)
    mark = "…" if first else ""
    return mark + line[first:last] + ("…" if last < len(line) else ""), start - first + len(mark)
