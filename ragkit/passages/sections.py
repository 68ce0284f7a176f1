"""Divide a document into sections, with their heading paths and the headers of their passages.

A heading belongs to the section it heads. A heading followed directly by a deeper heading joins the
section of that heading, because it has no text of its own. A slide, a chapter or a sheet
also begins a section. Blobs (base64 data and the like) belong to no section.
Does not know passages.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.passages import locators
from ragkit.passages.blobs import blob_spans
from ragkit.passages.token_offsets import MAX_CHARACTERS_PER_TOKEN, Tokenizer, count_in_batches
from ragkit.records.documents import Document, Heading

SEPARATOR = " › "
_MAX_NAME = 300  # characters of a title or heading; some documents mark up paragraphs as headings
_VISIBLE = re.compile(r"\S")
_MAX_TABLE_HEADER = 2_000  # characters of a table's header rows
_RULE = re.compile(r"^[\s|:+=-]+$", re.MULTILINE)  # the line below a Markdown header
_PROSE = frozenset({"text/x-rst", "text/x-org", "text/x-tex", "text/x-ini"})


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table with a row in a section, and the header that its passages repeat."""

    start: int
    end: int
    header_end: int  # where the rows after the header begin
    header: str  # one line of text a header row; "" if there is none
    tokens: int  # of `header`


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` begins and ends with visible characters."""

    start: int
    end: int
    body_start: int  # where the text below its headings begins; `start` without a heading
    path: tuple[str, ...]  # headings, outermost first, its own last
    header: str  # the document's title and the section's own heading
    header_tokens: int
    fences: tuple[tuple[int, int], ...]  # clipped to the section
    tables: tuple[SectionTable, ...] = ()
    pages: tuple[int, ...] = ()  # where pages begin inside the section
    code: bool = False  # it is source code throughout

    def header_at(self, start: int) -> str:
        """Return the header of the passage that starts at `start`."""
        table = self.table_at(start)
        return "\n".join(filter(None, (self.header, table.header))) if table else self.header

    def header_tokens_at(self, start: int) -> int:
        """Return the number of tokens of `header_at(start)`."""
        table = self.table_at(start)
        return self.header_tokens + (table.tokens if table else 0)

    def table_at(self, start: int) -> SectionTable | None:
        """Return the table whose body rows contain `start`, if any."""
        index = bisect_right(self.tables, start, key=lambda table: table.start) - 1
        table = self.tables[index] if index >= 0 else None
        return table if table and table.header_end <= start < table.end else None


@dataclass(frozen=True, slots=True)
class _Block:
    """A section before its header is written."""

    start: int
    end: int
    body_start: int
    path: tuple[str, ...]


def find_sections(
    document: Document, tokenizer: Tokenizer, header_limit: int, *, with_headers: bool = True
) -> list[Section]:
    """Return the sections of `document` in order; those with only white space are left out.

    A header has at most `header_limit` tokens: first the title is dropped, then words at the end
    of the heading. Without `with_headers` they have none but those of tables.
    """
    blocks = list(_blocks(document))
    title = _one_line(document.title or "")
    shown_names = (name for block in blocks for name in (*block.path[:1], *block.path[-1:]))
    names = [name for name in dict.fromkeys([title, *shown_names]) if name]
    headers = _Headers(title, names, tokenizer, header_limit)
    code = is_code(document.media_type)
    fences = ((0, len(document.text)),) if code else document.fences
    starts = [start for start, _ in fences]
    tables = list(_section_tables(document, headers))
    table_starts = [table.start for table in tables]
    sections = []
    for block in blocks:
        header, tokens = headers.build(block.path) if with_headers else ("", 0)
        sections.append(
            Section(
                start=block.start,
                end=block.end,
                body_start=block.body_start,
                path=block.path,
                header=header,
                header_tokens=tokens,
                fences=tuple(_fences_within(fences, starts, block.start, block.end)),
                tables=tuple(_tables_within(tables, table_starts, block.start, block.end)),
                pages=tuple(_offsets_between(document.pages, block.start, block.end)),
                code=code,
            )
        )
    return sections


def is_code(media_type: str) -> bool:
    """Whether this media type is source code, which is cut at its definitions."""
    return media_type == "text/javascript" or (
        media_type.startswith("text/x-") and media_type not in _PROSE
    )


def next_visible(text: str, start: int, end: int) -> int:
    """Return the first offset in `[start, end)` that is not white space; `end` if there is none."""
    match = _VISIBLE.search(text, start, end)
    return match.start() if match else end


def visible_end(text: str, start: int, end: int) -> int:
    """Return `end` moved back over white space, not before `start`."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _blocks(document: Document) -> Iterator[_Block]:
    text, headings = document.text, document.headings
    gaps = _Gaps(document)
    path: list[tuple[int, str]] = []  # level and text
    start: int | None = 0  # None: take it from the next heading
    body_start = 0
    for index, heading in enumerate((None, *headings)):
        following = headings[index] if index < len(headings) else None
        if heading is not None:
            while path and path[-1][0] >= heading.level:
                path.pop()
            if start is None:
                start = heading.start
            path.append((heading.level, _one_line(heading.text)))
            body_start = heading.end
            has_gap = following and gaps.between(heading.start, following.start)
            if following and not has_gap and _is_subheading(text, heading, following):
                continue
        end = following.start if following else len(text)
        for left, right in gaps.parts(start or 0, end):
            first = next_visible(text, left, right)
            if first < right:
                last = visible_end(text, first, right)
                own_start = next_visible(text, max(body_start, first), last)
                yield _Block(first, last, own_start, _path_names(path))
        start = None


class _Gaps:
    """Where sections end without a heading: before a slide, a chapter or a sheet, around blobs."""

    def __init__(self, document: Document) -> None:
        gaps = [(offset, offset) for offset in locators.section_starts(document.locators)]
        gaps += blob_spans(document.text)
        self._gaps = sorted(gaps)
        self._starts = [start for start, _ in self._gaps]

    def between(self, start: int, end: int) -> bool:
        """Whether there is a gap in `(start, end]`."""
        return bisect_right(self._starts, start) < bisect_right(self._starts, end)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of `[start, end)` between the gaps."""
        for index in range(bisect_right(self._starts, start), bisect_right(self._starts, end)):
            left, right = self._gaps[index]
            if start < left:
                yield start, min(left, end)
            start = max(start, right)
        if start < end:
            yield start, end


def _is_subheading(text: str, heading: Heading, following: Heading) -> bool:
    """Whether `following` is a deeper heading with only white space before it."""
    blank = next_visible(text, heading.end, following.start) >= following.start
    return blank and following.level > heading.level


def _path_names(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(name for _, name in path if name)


def _one_line(text: str) -> str:
    """Return a title or heading on one line, cut to `_MAX_NAME` characters."""
    return " ".join(text[: 2 * _MAX_NAME].split())[:_MAX_NAME].rstrip()


def _fences_within(
    fences: Sequence[tuple[int, int]], starts: Sequence[int], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Yield the parts of the fences in `[start, end)`."""
    for index in range(max(0, bisect_right(starts, start) - 1), len(fences)):
        left, right = fences[index]
        if left >= end:
            return
        if max(left, start) < min(right, end):
            yield max(left, start), min(right, end)


def _section_tables(document: Document, headers: _Headers) -> Iterator[SectionTable]:
    """Yield the tables with the header that their passages repeat."""
    text = document.text
    rows = [
        _RULE.sub("", text[table.start : min(table.header_end, table.start + _MAX_TABLE_HEADER)])
        for table in document.tables
    ]
    for table, fitted in zip(document.tables, headers.fit_rows(rows), strict=True):
        yield SectionTable(table.start, table.end, table.header_end, *fitted)


def _tables_within(
    tables: Sequence[SectionTable], starts: Sequence[int], start: int, end: int
) -> Iterator[SectionTable]:
    """Yield the tables that have a row in `[start, end)`."""
    for index in range(max(0, bisect_right(starts, start) - 1), bisect_left(starts, end)):
        if tables[index].end > start:
            yield tables[index]


def _offsets_between(offsets: Sequence[int], start: int, end: int) -> Sequence[int]:
    """Return the offsets inside `(start, end)`."""
    return offsets[bisect_right(offsets, start) : bisect_left(offsets, end)]


class _Headers:
    """Builds headers of at most `limit` tokens from the token counts of their parts."""

    def __init__(self, title: str, names: list[str], tokenizer: Tokenizer, limit: int) -> None:
        self._title = title
        self._tokenizer = tokenizer
        self._limit = limit
        separator, *name_counts = count_in_batches([SEPARATOR.strip(), *names], tokenizer)
        self._separator = separator
        self._tokens = dict(zip(names, name_counts, strict=True))

    def build(self, path: tuple[str, ...]) -> tuple[str, int]:
        """Return the header and its token count: the title (else the first heading) and the last
        heading of `path`. Equal parts are written once.

        The headings between them are left out: with them, measured recall is lower.
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
            short = self._shorten(parts[-1])
            return short, self._tokenizer.count_tokens([short])[0]
        return SEPARATOR.join(parts), total

    def fit_rows(self, rows: list[str]) -> Iterator[tuple[str, int]]:
        """Yield the table headers and their token counts; long ones lose words at the end."""
        lines = ["\n".join(" ".join(line.split()) for line in row.splitlines()) for row in rows]
        for line, tokens in zip(lines, count_in_batches(lines, self._tokenizer), strict=True):
            if tokens <= self._limit:
                yield line, tokens
            else:
                short = self._shorten(line)
                yield short, self._tokenizer.count_tokens([short])[0]

    def _shorten(self, part: str) -> str:
        """Return the first words of `part` that fit the limit."""
        part = part[: self._limit * MAX_CHARACTERS_PER_TOKEN]
        spans = self._tokenizer.token_spans(part)
        if len(spans) <= self._limit:
            return part
        cut = int(spans[self._limit][0])
        if part[cut - 1].isspace():
            return part[:cut].rstrip()
        return part[:cut].rpartition(" ")[0] or part[:cut]  # no space: Chinese, one long word
