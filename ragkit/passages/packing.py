"""A section into spans that fit: as full as `size` allows, ending at the best border in reach.

Looks at each stretch of text a bounded number of times, so time is in proportion to the text.
Knows tokens, borders, fences, table rows and pages; nothing of documents beyond one section.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ragkit.passages.boundaries import (
    LINE,
    PARAGRAPH,
    PART,
    SENTENCE,
    borders,
    code_borders,
    glyph_start,
    leads_on,
)
from ragkit.passages.sections import Grid, Section, next_visible, visible_end
from ragkit.passages.token_offsets import CHARACTERS_PER_TOKEN, Ruler, Tokenizer

_TAIL = 0.1  # of the size: less makes no passage of its own where it fits the one before


@dataclass(frozen=True, slots=True)
class Limits:
    """In tokens: `size` is aimed at and `window` never passed, both with the header; `overlap`
    may be repeated."""

    size: int
    window: int
    overlap: int


def pack(
    text: str, section: Section, tokenizer: Tokenizer, limits: Limits
) -> Iterator[tuple[int, int]]:
    """The spans of the section's passages, in order, without white space at their ends."""
    ruler = Ruler(text, section.start, section.end, tokenizer)
    fences = _Fences(text, section, ruler, limits.window - section.header_tokens)
    words = [word for word in ruler.long_words if not fences.keep(*word)]
    cuts = ruler.break_words(words) if words else []
    for start, end in zip([section.start, *cuts], [*cuts, section.end], strict=True):
        yield from _Run(text, section, start, end, ruler, fences, limits).spans()


def middle(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """`[start, end)` in two, cut at the best border near its middle."""
    quarter, centre = (end - start) // 4, (start + end) // 2
    near = [
        (strength, -abs(offset - centre), offset)
        for offset, strength in borders(text, start + quarter, end - quarter)
    ]
    space = text.rfind(" ", start + quarter, centre)
    cut = max(near)[2] if near else space if space > start else centre
    cut = cut if start < cut < end else centre
    spans = (
        (start, visible_end(text, start, cut)),
        (next_visible(text, cut, end), end),
    )
    return [(left, right) for left, right in spans if left < right]


class _Fence(NamedTuple):
    start: int
    end: int
    whole: bool  # it fits, so it is never cut
    row: bool = False  # of a table


class _Fences:
    """The code and preformatted blocks of a section, and the rows of its tables; those that fit
    `room` tokens stay whole."""

    def __init__(self, text: str, section: Section, ruler: Ruler, room: int) -> None:
        def fits(start: int, end: int, room: int) -> bool:
            return room > 0 and ruler.reach(start, room) >= end

        fences = [_Fence(*span, fits(*span, room)) for span in section.fences]
        starts = [start for start, _ in section.fences]
        for grid in section.grids:
            for start, end in _rows(text, section, grid):
                index = bisect_right(starts, start) - 1
                if index < 0 or fences[index].end <= start:
                    fences.append(_Fence(start, end, fits(start, end, room - grid.tokens), True))
        self._fences = sorted(fences)
        self._starts = [fence.start for fence in self._fences]

    def at(self, offset: int) -> _Fence | None:
        """The fence to which the character at `offset` belongs."""
        index = bisect_right(self._starts, offset) - 1
        return self._fences[index] if index >= 0 and offset < self._fences[index].end else None

    def around(self, offset: int) -> _Fence | None:
        """The fence that a cut at `offset` would split."""
        fence = self.at(offset)
        return fence if fence and fence.start < offset else None

    def keep(self, start: int, end: int) -> bool:
        """Whether `[start, end)` lies in a fence that stays whole."""
        fence = self.at(start)
        return fence is not None and fence.whole and end <= fence.end

    def edges(self, start: int, end: int) -> Iterator[tuple[int, bool]]:
        """Where fences begin or end in `[start, end]`, and whether one is a table's row."""
        first = max(0, bisect_left(self._starts, start) - 1)
        for fence in self._fences[first : bisect_right(self._starts, end)]:
            yield from ((edge, fence.row) for edge in fence[:2] if start <= edge <= end)


def _rows(text: str, section: Section, grid: Grid) -> Iterator[tuple[int, int]]:
    """The lines of a table that lie in a section."""
    at, last = max(grid.start, section.start), min(grid.end, section.end)
    while at < last:
        end = text.find("\n", at, last)
        end = end if end >= 0 else last
        if at < end:
            yield at, end
        at = end + 1


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of a section with no cut that has to be made: in most sections all of it."""

    text: str
    section: Section
    start: int
    end: int
    ruler: Ruler
    fences: _Fences
    limits: Limits

    def spans(self) -> Iterator[tuple[int, int]]:
        done = next_visible(self.text, self.start, self.end)  # all before it is in a span
        begin = done
        while done < self.end:
            end = self._cut(begin, done)
            if end <= done:  # with what is repeated, nothing new fits
                begin = done
                end = self._cut(begin, done)
            end = self._with_tail(begin, end)
            yield begin, visible_end(self.text, begin, end)
            done = next_visible(self.text, end, self.end)
            begin = self._repeat_from(begin, done)

    def _cut(self, begin: int, done: int) -> int:
        """Where the span from `begin` ends; `done` where no more fits than is already in one."""
        taken = self.section.tokens_at(begin)
        budget = max(1, self.limits.size - taken)
        furthest = self.ruler.reach(begin, budget)
        if furthest >= self.end:
            return self._page_cut(begin, done, budget) or self.end
        if furthest <= done:
            return done
        half = self.ruler.reach(begin, budget // 2)
        fence = self.fences.around(furthest)
        if fence and fence.whole:
            left, right = fence.start, fence.end
            fits = right <= self.ruler.reach(begin, self.limits.window - taken)
            leads_in = left <= max(half, self.section.body)
            if fits and leads_in:
                return right
            if next_visible(self.text, done, left) == left:  # the fence is all that is next
                return right if begin == done else done
            furthest = left
        return self._best_cut(begin, done, budget, half, furthest)

    def _page_cut(self, begin: int, done: int, budget: int) -> int | None:
        """Where a page ends in the last passage, if a good part of it stands on either side."""
        least = self.ruler.reach(done, budget // 4)
        last = self.ruler.back(self.end, budget // 4)
        pages = self.section.pages
        for page in pages[bisect_left(pages, least) : bisect_right(pages, last)]:
            if page > self.section.body and self._ends_page(page):
                return page
        return None

    def _ends_page(self, page: int) -> bool:
        """Whether a paragraph ends with the page before the one that begins at `page`."""
        blank = self.text[visible_end(self.text, self.start, page) : page]
        return blank.count("\n") > 1 and self.fences.around(page) is None

    def _with_tail(self, begin: int, cut: int) -> int:
        """The end of the run instead of `cut` where little is left, and it fits the window."""
        room = self.limits.window - self.section.tokens_at(begin)
        size = self.limits.size
        little = self.ruler.tokens(cut, self.end) <= _TAIL * size
        little = little and self.end - begin <= CHARACTERS_PER_TOKEN * size
        return self.end if little and self.ruler.reach(begin, room) >= self.end else cut

    def _best_cut(self, begin: int, done: int, budget: int, half: int, furthest: int) -> int:
        """The best place for a cut up to `furthest`: not before a quarter of the budget is
        new, rather in its second half, so that a quarter is left for the last passage, and of
        equals the one that cuts what is left into like parts."""
        ruler = self.ruler
        least = max(ruler.reach(done, budget // 4), done + 1)
        if self.section.body < furthest:  # no heading alone
            least = max(least, self.section.body + 1)
        least = min(least, furthest)
        rest = ruler.tokens(begin, self.end)
        last = min(furthest, ruler.back(self.end, budget // 4))
        overlap = min(self.limits.overlap, budget // 2)
        parts = max(2, -(-(rest - overlap) // (budget - overlap)))
        aim = min(last, ruler.reach(begin, -(-(rest + overlap * (parts - 1)) // parts)))

        def rank(border: tuple[int, int]) -> tuple[bool, bool, int, int]:
            offset, strength = border
            good = strength >= SENTENCE
            near = offset <= last and (half <= offset or strength == PART)
            return good, good and near, strength, -abs(offset - aim)

        found = list(self._borders(least, furthest))
        if found:
            return max(found, key=rank)[0]
        return self._word_cut(least, max(least, aim))

    def _word_cut(self, least: int, furthest: int) -> int:
        for start in self.ruler.starts_before(furthest, least):
            if self.text[start - 1].isspace():
                return start
        return glyph_start(self.text, least - 1, furthest)

    def _borders(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Borders at which a cut is allowed. Code has definitions, blank lines and lines; a
        table has rows; neither has sentences."""
        if self.section.code:
            yield from code_borders(self.text, start, end)
            return
        pages = self.section.pages
        pages = pages[bisect_left(pages, start) : bisect_right(pages, end)]
        code: list[_Fence] = []
        for offset, strength in borders(self.text, start, end):
            fence = self.fences.around(offset)
            if fence is None:
                new_page = strength == PARAGRAPH and offset in pages
                yield offset, PART if new_page else strength
            elif fence.row and not fence.whole:
                yield offset, min(strength, SENTENCE)
            elif not fence.whole and fence not in code[-1:]:
                code.append(fence)
        for fence in code:
            yield from code_borders(self.text, max(start, fence.start), min(end, fence.end))
        for edge, row in self.fences.edges(start, end):
            if self.fences.around(edge) is None:
                strength = SENTENCE if row else PARAGRAPH
                yield edge, LINE if self._has_lead_in(edge) else strength

    def _has_lead_in(self, edge: int) -> bool:
        """Whether a fence starts here that is announced, and leaves room for the announcement."""
        fence = self.fences.at(edge)
        if fence is None or not leads_on(self.text, edge):
            return False
        return fence.end <= self.ruler.reach(edge, self.limits.size * 3 // 4)

    def _repeat_from(self, begin: int, done: int) -> int:
        """Where the span after `[begin, done)` starts: at the first sentence among the last
        tokens of that one, or at `done`."""
        overlap = self.limits.overlap
        if overlap == 0 or done >= self.end:
            return done
        earliest = max(begin + 1, self.section.body, self.ruler.back(done, overlap + 1))
        for offset, strength in borders(self.text, earliest, done):
            if strength < SENTENCE:
                continue
            start = next_visible(self.text, offset, done)
            if not self.fences.at(start) and self.ruler.tokens(start, done) <= overlap:
                return start
        return done
