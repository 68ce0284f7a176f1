"""What stands between two headings, with its heading path and the headers of its passages.

A heading belongs to the section it heads. A heading with nothing under it but a deeper heading
is joined to that one's section: alone it would say nothing. Knows no passages.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.passages.tokens import CHARACTERS_PER_TOKEN, Tokenizer, counts
from ragkit.records import Document, Heading

SEPARATOR = " › "
_LONGEST_NAME = 300  # characters of a title or heading: a whole paragraph can be marked as one
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` begins and ends with visible characters."""

    start: int
    end: int
    body: int  # where the text under its headings begins; `start` where there is no heading
    path: tuple[str, ...]  # headings, outermost first, its own last
    first_header: str  # of the passage that begins with the section's own heading
    header: str  # of the others: their text does not show that heading
    first_header_tokens: int
    header_tokens: int
    fences: tuple[tuple[int, int], ...]  # clipped to the section

    def header_at(self, start: int) -> str:
        """The header of the passage that starts at `start`."""
        return self.first_header if start == self.start else self.header


@dataclass(frozen=True, slots=True)
class _Block:
    """A section without its headers: `outer` is the path above the first of its own headings."""

    start: int
    end: int
    body: int
    outer: tuple[str, ...]
    path: tuple[str, ...]


def sections_of(document: Document, tokenizer: Tokenizer, header_limit: int) -> list[Section]:
    """The sections of `document` that hold more than white space, in order.

    A header has at most `header_limit` tokens: the outermost parts go first, the innermost
    loses words at its end.
    """
    blocks = list(_blocks(document))
    title = _name(document.title or "")
    names = dict.fromkeys([title, *(name for block in blocks for name in block.path)])
    headers = _Headers(title, [name for name in names if name], tokenizer, header_limit)
    starts = [start for start, _ in document.fences]
    sections = []
    for block in blocks:
        first_header, first_tokens = headers.write(block.path, len(block.outer))
        header, tokens = headers.write(block.path, len(block.path))
        sections.append(
            Section(
                start=block.start,
                end=block.end,
                body=block.body,
                path=block.path,
                first_header=first_header,
                header=header,
                first_header_tokens=first_tokens,
                header_tokens=tokens,
                fences=tuple(_clipped(document.fences, starts, block.start, block.end)),
            )
        )
    return sections


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
    path: list[tuple[int, str]] = []  # level and words
    outer: tuple[str, ...] | None = ()  # None: take it from the next heading
    start = body = 0
    for index, heading in enumerate((None, *headings)):
        following = headings[index] if index < len(headings) else None
        if heading is not None:
            while path and path[-1][0] >= heading.level:
                path.pop()
            if outer is None:
                outer, start = _names(path), heading.start
            path.append((heading.level, _name(heading.text)))
            body = heading.end
            if following and _heads(text, heading, following):
                continue
        end = following.start if following else len(text)
        first = next_visible(text, start, end)
        if first < end:
            last = visible_end(text, first, end)
            yield _Block(first, last, next_visible(text, body, last), outer or (), _names(path))
        outer = None


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


class _Headers:
    """Writes headers of at most `limit` tokens, from counts of their parts."""

    def __init__(self, title: str, names: list[str], tokenizer: Tokenizer, limit: int) -> None:
        self._title = title
        self._tokenizer = tokenizer
        self._limit = limit
        separator, *rest = counts([SEPARATOR.strip(), *names], tokenizer)
        self._separator = separator
        self._tokens = dict(zip(names, rest, strict=True))

    def write(self, path: tuple[str, ...], depth: int) -> tuple[str, int]:
        """The header that shows the title and the first `depth` headings of `path`, and its
        tokens. The title is left out where the first heading says the same."""
        parts = list(path[:depth])
        if self._title and (not path or path[0].casefold() != self._title.casefold()):
            parts.insert(0, self._title)
        kept: list[str] = []
        total = 0
        for part in reversed(parts):
            more = self._tokens[part] + (self._separator if kept else 0)
            if total + more > self._limit:
                break
            kept.append(part)
            total += more
        if parts and not kept:
            short = self._shortened(parts[-1])
            return short, self._tokenizer.count_tokens([short])[0]
        return SEPARATOR.join(reversed(kept)), total

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
