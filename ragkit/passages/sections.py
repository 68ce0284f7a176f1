"""What stands between two headings, with its heading path and the headers of its passages.

A heading belongs to the section it heads. A heading with nothing under it but a deeper heading
is joined to that one's section: alone it would say nothing. A slide, a chapter or a sheet also
begins a section. Knows no passages.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.passages import locators
from ragkit.passages.blobs import data_spans
from ragkit.passages.token_offsets import CHARACTERS_PER_TOKEN, Tokenizer, counts
from ragkit.records.documents import Document, Heading

SEPARATOR = " › "
_LONGEST_NAME = 300  # characters of a title or heading: a whole paragraph can be marked as one
_VISIBLE = re.compile(r"\S")
_LONGEST_HEAD = 2_000  # characters of a table's header rows
_RULE = re.compile(r"^[\s|:+=-]+$", re.MULTILINE)  # the line below a Markdown header
_PROSE = frozenset({"text/x-rst", "text/x-org", "text/x-tex", "text/x-ini"})


@dataclass(frozen=True, slots=True)
class Grid:
    """The part of a table that lies in a section, and what its passages repeat of its header."""

    start: int
    end: int
    header_end: int  # where the rows after the header begin
    header: str  # its words in a line a row, "" where there is none
    tokens: int  # of `header`


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` begins and ends with visible characters."""

    start: int
    end: int
    body: int  # where the text under its headings begins; `start` where there is no heading
    path: tuple[str, ...]  # headings, outermost first, its own last
    header: str  # the document's title and the section's own heading
    header_tokens: int
    fences: tuple[tuple[int, int], ...]  # clipped to the section
    grids: tuple[Grid, ...] = ()
    pages: tuple[int, ...] = ()  # where pages begin inside the section
    code: bool = False  # it is source code throughout

    def header_at(self, start: int) -> str:
        """The header of the passage that starts at `start`."""
        grid = self.grid_at(start)
        return "\n".join(filter(None, (self.header, grid.header))) if grid else self.header

    def tokens_at(self, start: int) -> int:
        """The tokens of `header_at(start)`."""
        grid = self.grid_at(start)
        return self.header_tokens + (grid.tokens if grid else 0)

    def grid_at(self, start: int) -> Grid | None:
        """The table among whose rows a passage starts that begins at `start`."""
        index = bisect_right(self.grids, start, key=lambda grid: grid.start) - 1
        grid = self.grids[index] if index >= 0 else None
        return grid if grid and grid.header_end <= start < grid.end else None


@dataclass(frozen=True, slots=True)
class _Block:
    """A section before its header is written."""

    start: int
    end: int
    body: int
    path: tuple[str, ...]


def sections_of(document: Document, tokenizer: Tokenizer, header_limit: int) -> list[Section]:
    """The sections of `document` that hold more than white space, in order.

    A header has at most `header_limit` tokens: the title goes first, the heading loses words at
    its end.
    """
    blocks = list(_blocks(document))
    title = _name(document.title or "")
    ends = (name for block in blocks for name in (*block.path[:1], *block.path[-1:]))
    names = [name for name in dict.fromkeys([title, *ends]) if name]
    headers = _Headers(title, names, tokenizer, header_limit)
    code = is_code(document.media_type)
    fences = ((0, len(document.text)),) if code else document.fences
    starts = [start for start, _ in fences]
    grids = list(_grids(document, headers))
    grid_starts = [grid.start for grid in grids]
    sections = []
    for block in blocks:
        header, tokens = headers.write(block.path)
        sections.append(
            Section(
                start=block.start,
                end=block.end,
                body=block.body,
                path=block.path,
                header=header,
                header_tokens=tokens,
                fences=tuple(_clipped(fences, starts, block.start, block.end)),
                grids=tuple(_within(grids, grid_starts, block.start, block.end)),
                pages=tuple(_between(document.pages, block.start, block.end)),
                code=code,
            )
        )
    return sections


def is_code(media_type: str) -> bool:
    """Whether a text of this type is a program, to be cut at its definitions."""
    return media_type == "text/javascript" or (
        media_type.startswith("text/x-") and media_type not in _PROSE
    )


def next_visible(text: str, start: int, end: int) -> int:
    """The first offset in `[start, end)` that is not white space; `end` if there is none."""
    match = _VISIBLE.search(text, start, end)
    return match.start() if match else end


def visible_end(text: str, start: int, end: int) -> int:
    """`end` moved back over white space, not beyond `start`."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _blocks(document: Document) -> Iterator[_Block]:
    text, headings = document.text, document.headings
    apart = _Gaps(document)
    path: list[tuple[int, str]] = []  # level and words
    start: int | None = 0  # None: take it from the next heading
    body = 0
    for index, heading in enumerate((None, *headings)):
        following = headings[index] if index < len(headings) else None
        if heading is not None:
            while path and path[-1][0] >= heading.level:
                path.pop()
            if start is None:
                start = heading.start
            path.append((heading.level, _name(heading.text)))
            body = heading.end
            parted = following and apart.between(heading.start, following.start)
            if following and not parted and _heads(text, heading, following):
                continue
        end = following.start if following else len(text)
        for left, right in apart.parts(start or 0, end):
            first = next_visible(text, left, right)
            if first < right:
                last = visible_end(text, first, right)
                own = next_visible(text, max(body, first), last)
                yield _Block(first, last, own, _names(path))
        start = None


class _Gaps:
    """Where sections end that no heading ends: at another slide, around data in the text."""

    def __init__(self, document: Document) -> None:
        gaps = [(offset, offset) for offset in locators.borders(document.locators)]
        gaps += data_spans(document.text)
        self._gaps = sorted(gaps)
        self._starts = [start for start, _ in self._gaps]

    def between(self, start: int, end: int) -> bool:
        """Whether there is one in `(start, end]`."""
        return bisect_right(self._starts, start) < bisect_right(self._starts, end)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """`[start, end)` without the gaps."""
        for index in range(bisect_right(self._starts, start), bisect_right(self._starts, end)):
            left, right = self._gaps[index]
            if start < left:
                yield start, min(left, end)
            start = max(start, right)
        if start < end:
            yield start, end


def _heads(text: str, heading: Heading, following: Heading) -> bool:
    """Whether `following` is a deeper heading with only white space before it."""
    blank = next_visible(text, heading.end, following.start) >= following.start
    return blank and following.level > heading.level


def _names(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(name for _, name in path if name)


def _name(text: str) -> str:
    """A title or heading on one line, without what no person would call a heading any more."""
    return " ".join(text[: 2 * _LONGEST_NAME].split())[:_LONGEST_NAME].rstrip()


def _clipped(
    fences: Sequence[tuple[int, int]], starts: Sequence[int], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """The fences, or parts of them, in `[start, end)`."""
    for index in range(max(0, bisect_right(starts, start) - 1), len(fences)):
        left, right = fences[index]
        if left >= end:
            return
        if max(left, start) < min(right, end):
            yield max(left, start), min(right, end)


def _grids(document: Document, headers: _Headers) -> Iterator[Grid]:
    """The tables, with what is repeated of their header rows."""
    text = document.text
    rows = [
        _RULE.sub("", text[table.start : min(table.header_end, table.start + _LONGEST_HEAD)])
        for table in document.tables
    ]
    for table, written in zip(document.tables, headers.fitted(rows), strict=True):
        yield Grid(table.start, table.end, table.header_end, *written)


def _within(grids: Sequence[Grid], starts: Sequence[int], start: int, end: int) -> Iterator[Grid]:
    """The tables that have a row in `[start, end)`."""
    for index in range(max(0, bisect_right(starts, start) - 1), bisect_left(starts, end)):
        if grids[index].end > start:
            yield grids[index]


def _between(offsets: Sequence[int], start: int, end: int) -> Sequence[int]:
    """Those inside `(start, end)`."""
    return offsets[bisect_right(offsets, start) : bisect_left(offsets, end)]


class _Headers:
    """Writes headers of at most `limit` tokens, from counts of their parts."""

    def __init__(self, title: str, names: list[str], tokenizer: Tokenizer, limit: int) -> None:
        self._title = title
        self._tokenizer = tokenizer
        self._limit = limit
        separator, *rest = counts([SEPARATOR.strip(), *names], tokenizer)
        self._separator = separator
        self._tokens = dict(zip(names, rest, strict=True))

    def write(self, path: tuple[str, ...]) -> tuple[str, int]:
        """The header that shows the title (or else the first heading) and the last heading of
        `path`, and its tokens. What says the same as the other is written once.

        The headings between them are left out: measured, they blur what a passage is about.
        """
        parts = [self._title or next(iter(path), ""), *path[-1:]]
        if parts[0].casefold() == parts[-1].casefold():
            parts = parts[-1:]
        parts = [part for part in parts if part]
        if not parts:
            return "", 0
        total = sum(self._tokens[part] for part in parts) + self._separator * (len(parts) - 1)
        if total > self._limit:
            total = self._tokens[parts[-1]]
            parts = parts[-1:]
        if total > self._limit:
            short = self._shortened(parts[-1])
            return short, self._tokenizer.count_tokens([short])[0]
        return SEPARATOR.join(parts), total

    def fitted(self, rows: list[str]) -> Iterator[tuple[str, int]]:
        """Header rows of tables and their tokens; words are left out at the end of long ones."""
        lines = ["\n".join(" ".join(line.split()) for line in row.splitlines()) for row in rows]
        for line, tokens in zip(lines, counts(lines, self._tokenizer), strict=True):
            if tokens <= self._limit:
                yield line, tokens
            else:
                short = self._shortened(line)
                yield short, self._tokenizer.count_tokens([short])[0]

    def _shortened(self, part: str) -> str:
        """The first words of `part`, as many as fit."""
        part = part[: self._limit * CHARACTERS_PER_TOKEN]
        spans = self._tokenizer.token_spans(part)
        if len(spans) <= self._limit:
            return part
        cut = int(spans[self._limit][0])
        if part[cut - 1].isspace():
            return part[:cut].rstrip()
        return part[:cut].rpartition(" ")[0] or part[:cut]  # no space: Chinese, one long word
