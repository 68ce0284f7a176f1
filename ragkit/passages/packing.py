"""Pack a section into spans of bounded tokens that end at the best boundary within reach.

Each stretch of text is looked at a bounded number of times, so the time is proportional to the
text. Knows tokens, boundaries, fences, table rows and pages of one section; no other part of a
document.
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
    cluster_start,
    find_boundaries,
    find_code_boundaries,
    is_lead_in,
)
from ragkit.passages.sections import Section, SectionTable, next_visible, visible_end
from ragkit.passages.token_offsets import MAX_CHARACTERS_PER_TOKEN, Tokenizer, TokenOffsets

_MIN_TAIL = 0.1  # of the size; a shorter rest is added to the passage before it, if it fits


@dataclass(frozen=True, slots=True)
class PassageLimits:
    """Sizes in tokens. `size` is the target and `window` the maximum, both with the header;
    `overlap` may be repeated from the passage before."""

    size: int
    window: int
    overlap: int


def pack_section(
    text: str, section: Section, tokenizer: Tokenizer, limits: PassageLimits
) -> Iterator[tuple[int, int]]:
    """Yield the spans of the section's passages in order, without white space at their ends."""
    token_offsets = TokenOffsets(text, section.start, section.end, tokenizer)
    fences = _Fences(text, section, token_offsets, limits.window - section.header_tokens)
    words = [word for word in token_offsets.long_words if not fences.is_unbreakable(*word)]
    cuts = token_offsets.split_long_words(words) if words else []
    for start, end in zip([section.start, *cuts], [*cuts, section.end], strict=True):
        yield from _Packer(text, section, start, end, token_offsets, fences, limits).spans()


def split_in_half(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the two halves of `[start, end)`, cut at the best boundary in its middle half."""
    quarter, centre = (end - start) // 4, (start + end) // 2
    candidates = [
        (strength, -abs(offset - centre), offset)
        for offset, strength in find_boundaries(text, start + quarter, end - quarter)
    ]
    space = text.rfind(" ", start + quarter, centre)
    cut = max(candidates)[2] if candidates else space if space > start else centre
    cut = cut if start < cut < end else centre
    spans = (
        (start, visible_end(text, start, cut)),
        (next_visible(text, cut, end), end),
    )
    return [(left, right) for left, right in spans if left < right]


class _Fence(NamedTuple):
    start: int
    end: int
    unbreakable: bool  # it fits a passage, so it is never cut
    is_row: bool = False  # of a table


class _Fences:
    """The code and preformatted blocks of a section and the rows of its tables. Those that fit
    `room` tokens are never cut."""

    def __init__(self, text: str, section: Section, token_offsets: TokenOffsets, room: int) -> None:
        def fits(start: int, end: int, room: int) -> bool:
            return room > 0 and token_offsets.end_after(start, room) >= end

        fences = [_Fence(*span, fits(*span, room)) for span in section.fences]
        starts = [start for start, _ in section.fences]
        for table in section.tables:
            for start, end in _rows(text, section, table):
                index = bisect_right(starts, start) - 1
                if index < 0 or fences[index].end <= start:
                    fences.append(_Fence(start, end, fits(start, end, room - table.tokens), True))
        self._fences = sorted(fences)
        self._starts = [fence.start for fence in self._fences]

    def at(self, offset: int) -> _Fence | None:
        """Return the fence that contains the character at `offset`."""
        index = bisect_right(self._starts, offset) - 1
        return self._fences[index] if index >= 0 and offset < self._fences[index].end else None

    def around(self, offset: int) -> _Fence | None:
        """Return the fence that a cut at `offset` would split."""
        fence = self.at(offset)
        return fence if fence and fence.start < offset else None

    def is_unbreakable(self, start: int, end: int) -> bool:
        """Whether `[start, end)` lies in a fence that is never cut."""
        fence = self.at(start)
        return fence is not None and fence.unbreakable and end <= fence.end

    def edges(self, start: int, end: int) -> Iterator[tuple[int, bool]]:
        """Yield the offsets in `[start, end]` where a fence begins or ends, and whether it is a
        table row."""
        first = max(0, bisect_left(self._starts, start) - 1)
        for fence in self._fences[first : bisect_right(self._starts, end)]:
            yield from ((edge, fence.is_row) for edge in fence[:2] if start <= edge <= end)


def _rows(text: str, section: Section, table: SectionTable) -> Iterator[tuple[int, int]]:
    """Yield the spans of a table's lines that lie in the section."""
    offset, last = max(table.start, section.start), min(table.end, section.end)
    while offset < last:
        end = text.find("\n", offset, last)
        end = end if end >= 0 else last
        if offset < end:
            yield offset, end
        offset = end + 1


@dataclass(frozen=True, slots=True)
class _Packer:
    """Packs a stretch of a section without forced cuts: mostly the complete section.

    Text before `covered_end` is already in a span; `span_start` is where the next span starts,
    which is earlier if it repeats text.
    """

    text: str
    section: Section
    start: int
    end: int
    token_offsets: TokenOffsets
    fences: _Fences
    limits: PassageLimits

    def spans(self) -> Iterator[tuple[int, int]]:
        covered_end = next_visible(self.text, self.start, self.end)
        span_start = covered_end
        while covered_end < self.end:
            end = self._cut(span_start, covered_end)
            if end <= covered_end:  # after the repeated text nothing new fits
                span_start = covered_end
                end = self._cut(span_start, covered_end)
            end = self._with_tail(span_start, end)
            yield span_start, visible_end(self.text, span_start, end)
            covered_end = next_visible(self.text, end, self.end)
            span_start = self._repeat_from(span_start, covered_end)

    def _cut(self, span_start: int, covered_end: int) -> int:
        """Return the end of the span from `span_start`; `covered_end` if no new text fits."""
        header_tokens = self.section.header_tokens_at(span_start)
        max_tokens = max(1, self.limits.size - header_tokens)
        max_cut = self.token_offsets.end_after(span_start, max_tokens)
        if max_cut >= self.end:
            return self._page_cut(span_start, covered_end, max_tokens) or self.end
        if max_cut <= covered_end:
            return covered_end
        half = self.token_offsets.end_after(span_start, max_tokens // 2)
        fence = self.fences.around(max_cut)
        if fence and fence.unbreakable:
            left, right = fence.start, fence.end
            fits = right <= self.token_offsets.end_after(
                span_start, self.limits.window - header_tokens
            )
            leads_in = left <= max(half, self.section.body_start)
            if fits and leads_in:
                return right
            if next_visible(self.text, covered_end, left) == left:  # the fence is next
                return right if span_start == covered_end else covered_end
            max_cut = left
        return self._best_cut(span_start, covered_end, max_tokens, half, max_cut)

    def _page_cut(self, span_start: int, covered_end: int, max_tokens: int) -> int | None:
        """Return a page end in the last passage with a quarter of the tokens on either side."""
        min_cut = self.token_offsets.end_after(covered_end, max_tokens // 4)
        last = self.token_offsets.start_before(self.end, max_tokens // 4)
        pages = self.section.pages
        for page in pages[bisect_left(pages, min_cut) : bisect_right(pages, last)]:
            if page > self.section.body_start and self._ends_page(page):
                return page
        return None

    def _ends_page(self, page: int) -> bool:
        """Whether a paragraph ends with the page before the one that begins at `page`."""
        blank = self.text[visible_end(self.text, self.start, page) : page]
        return blank.count("\n") > 1 and self.fences.around(page) is None

    def _with_tail(self, span_start: int, cut: int) -> int:
        """Return the end of the stretch if the rest is short and fits the window, else `cut`."""
        room = self.limits.window - self.section.header_tokens_at(span_start)
        size = self.limits.size
        is_short = self.token_offsets.count(cut, self.end) <= _MIN_TAIL * size
        is_short = is_short and self.end - span_start <= MAX_CHARACTERS_PER_TOKEN * size
        return (
            self.end
            if is_short and self.token_offsets.end_after(span_start, room) >= self.end
            else cut
        )

    def _best_cut(
        self, span_start: int, covered_end: int, max_tokens: int, half: int, max_cut: int
    ) -> int:
        """Return the best offset for a cut, at most `max_cut`.

        At least a quarter of `max_tokens` must be new text. A cut in the second half that leaves
        a quarter for the last passage is preferred; of equal boundaries the one that divides the
        rest into equal parts wins.
        """
        token_offsets = self.token_offsets
        min_cut = max(token_offsets.end_after(covered_end, max_tokens // 4), covered_end + 1)
        if self.section.body_start < max_cut:  # a heading does not stand alone
            min_cut = max(min_cut, self.section.body_start + 1)
        min_cut = min(min_cut, max_cut)
        rest = token_offsets.count(span_start, self.end)
        last = min(max_cut, token_offsets.start_before(self.end, max_tokens // 4))
        overlap = min(self.limits.overlap, max_tokens // 2)
        parts = max(2, -(-(rest - overlap) // (max_tokens - overlap)))
        target_cut = min(
            last, token_offsets.end_after(span_start, -(-(rest + overlap * (parts - 1)) // parts))
        )

        def rank(boundary: tuple[int, int]) -> tuple[bool, bool, int, int]:
            offset, strength = boundary
            is_strong = strength >= SENTENCE
            is_balanced = offset <= last and (half <= offset or strength == PART)
            return is_strong, is_strong and is_balanced, strength, -abs(offset - target_cut)

        boundaries = list(self._boundaries(min_cut, max_cut))
        if boundaries:
            return max(boundaries, key=rank)[0]
        return self._word_cut(min_cut, max(min_cut, target_cut))

    def _word_cut(self, min_cut: int, max_cut: int) -> int:
        """Return the last offset between two words; else one between two characters."""
        for start in self.token_offsets.starts_between(min_cut, max_cut):
            if self.text[start - 1].isspace():
                return start
        return cluster_start(self.text, min_cut - 1, max_cut)

    def _boundaries(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield `(offset, strength)` of the allowed cuts. Code has definitions, blank lines and
        lines; a table has rows; neither has sentences."""
        if self.section.code:
            yield from find_code_boundaries(self.text, start, end)
            return
        pages = self.section.pages
        pages = pages[bisect_left(pages, start) : bisect_right(pages, end)]
        code: list[_Fence] = []
        for offset, strength in find_boundaries(self.text, start, end):
            fence = self.fences.around(offset)
            if fence is None:
                new_page = strength == PARAGRAPH and offset in pages
                yield offset, PART if new_page else strength
            elif fence.is_row and not fence.unbreakable:
                yield offset, min(strength, SENTENCE)
            elif not fence.unbreakable and fence not in code[-1:]:
                code.append(fence)
        for fence in code:
            yield from find_code_boundaries(self.text, max(start, fence.start), min(end, fence.end))
        for edge, is_row in self.fences.edges(start, end):
            if self.fences.around(edge) is None:
                strength = SENTENCE if is_row else PARAGRAPH
                yield edge, LINE if self._has_lead_in(edge) else strength

    def _has_lead_in(self, edge: int) -> bool:
        """Whether a fence with a lead-in starts at `edge` and leaves room for the lead-in."""
        fence = self.fences.at(edge)
        if fence is None or not is_lead_in(self.text, edge):
            return False
        return fence.end <= self.token_offsets.end_after(edge, self.limits.size * 3 // 4)

    def _repeat_from(self, span_start: int, covered_end: int) -> int:
        """Return where the span after `[span_start, covered_end)` starts: at the first sentence
        among its last `overlap` tokens, or at `covered_end`."""
        overlap = self.limits.overlap
        if overlap == 0 or covered_end >= self.end:
            return covered_end
        earliest = max(
            span_start + 1,
            self.section.body_start,
            self.token_offsets.start_before(covered_end, overlap + 1),
        )
        for offset, strength in find_boundaries(self.text, earliest, covered_end):
            if strength < SENTENCE:
                continue
            start = next_visible(self.text, offset, covered_end)
            if (
                not self.fences.at(start)
                and self.token_offsets.count(start, covered_end) <= overlap
            ):
                return start
        return covered_end
