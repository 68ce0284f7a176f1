"""Split a document into passages: spans that fit an encoder's window, cut where a reader pauses.

A passage never crosses a heading, a slide, a chapter or a sheet. It never splits a code fence or a
table row that fits the window. It ends at the strongest boundary within reach: page, paragraph,
sentence, line, word, and only then inside a word. Every visible character is in at least one
passage, except those of `blobs.blob_spans`. The passages of a section depend only on that
section and its heading path, so an edit elsewhere does not change them.

A section that fits one passage is counted and left as it is; a longer one is packed into spans.
Each stretch of text is looked at a bounded number of times, so the time is proportional to the
text.

All offsets are characters of `Document.text`. All sizes are tokens of the encoder without its
special tokens. Pure functions. Does not know files, vectors or databases.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ragkit.errors import UsageError
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
from ragkit.passages.locators import format_locator, main_page
from ragkit.passages.sections import (
    Section,
    SectionTable,
    find_sections,
    next_visible,
    visible_end,
)
from ragkit.passages.token_offsets import (
    MAX_CHARACTERS_PER_TOKEN,
    MAX_WORD_CHARACTERS,
    Tokenizer,
    TokenOffsets,
    count_in_batches,
)
from ragkit.records.documents import Document, Passage
from ragkit.records.text import embedded_text

SPLITTER_VERSION: int = 3  # raised whenever the same text would be split differently

_MAX_OVERLAP = 0.2
_TYPICAL_TOKEN = 4  # characters; decides only which of two ways is tried first
_MIN_TAIL = 0.1  # of the size; a shorter rest is added to the passage before it, if it fits


@dataclass(frozen=True, slots=True)
class PassageLimits:
    """Sizes in tokens. `size` is the target and `window` the maximum, both with the header;
    `overlap` may be repeated from the passage before."""

    size: int
    window: int
    overlap: int


@dataclass(frozen=True, slots=True)
class _Span:
    """A passage before its pages and lines are looked up."""

    section: Section
    start: int
    end: int

    @property
    def header(self) -> str:
        return self.section.header_at(self.start)


def split_document(
    document: Document, tokenizer: Tokenizer, *, size: int, overlap: float, header: bool = True
) -> list[Passage]:
    """Split `document` into passages in text order; [] if it has only white space.

    `size` is the target for header and text together, in tokens; it is limited to
    `tokenizer.window`. Only a code fence or a table row that fits the window may exceed `size`,
    and the last passage of a section by a tenth. `overlap` (0 to 0.2) is the share of `size` that
    a passage may repeat of the passage before it. Without `header` passages have no title and
    heading before their text; rows of tables keep the header of their table.

    `Passage.tokens` is the tokenizer's own count for `embedded_text(header, text)`.

    Raises UsageError for a size below 1 or an overlap out of range.
    """
    limits = _limits(tokenizer.window, size, overlap)
    counted = list(_fitting_spans(document, tokenizer, limits, header=header))
    lines = _line_numbers(document, [span for span, _ in counted])
    return [
        Passage(
            start=span.start,
            end=span.end,
            text=document.text[span.start : span.end],
            heading=span.section.path,
            header=span.header,
            tokens=tokens,
            page=main_page(document.text, document.pages, span.start, span.end),
            locator=format_locator(document.pages, document.locators, span.start, span.end),
            start_line=first,
            end_line=last,
        )
        for (span, tokens), (first, last) in zip(counted, lines, strict=True)
    ]


def _limits(window: int, size: int, overlap: float) -> PassageLimits:
    if size < 1:
        raise UsageError(f"the passage size is {size} tokens; it must be at least 1")
    if not 0 <= overlap <= _MAX_OVERLAP:
        raise UsageError(f"the overlap is {overlap}; it must be from 0 to {_MAX_OVERLAP}")
    size = min(size, window)
    return PassageLimits(size=size, window=window, overlap=int(size * overlap))


def _fitting_spans(
    document: Document, tokenizer: Tokenizer, limits: PassageLimits, *, header: bool
) -> Iterator[tuple[_Span, int]]:
    """Yield the spans of the passages with their token counts.

    Most sections fit as they are and are only counted; the others are packed.
    """
    text = document.text
    sections = find_sections(document, tokenizer, limits.size // 4, with_headers=header)
    short = [_Span(s, s.start, s.end) for s in sections if _may_fit(text, s, limits.size)]
    known_counts = {
        span.start: tokens
        for span, tokens in zip(short, _count_tokens(text, short, tokenizer), strict=True)
        if tokens <= limits.size
    }
    spans: list[_Span] = []
    for section in sections:
        if section.start in known_counts:
            spans.append(_Span(section, section.start, section.end))
        else:
            packed = pack_section(text, section, tokenizer, limits)
            spans.extend(_Span(section, start, end) for start, end in packed)
    yield from _halved_to_window(text, spans, known_counts, tokenizer)


def _may_fit(text: str, section: Section, size: int) -> bool:
    """Whether counting the undivided section is worthwhile: it is short, on one page, and has no
    word that must be cut."""
    if section.pages:
        return False
    length = section.end - section.start
    if length > size * _TYPICAL_TOKEN:
        return False
    words = text[section.start : section.end].split() if length > MAX_WORD_CHARACTERS else []
    return all(len(word) <= MAX_WORD_CHARACTERS for word in words)


def _halved_to_window(
    text: str, spans: list[_Span], known_counts: dict[int, int], tokenizer: Tokenizer
) -> Iterator[tuple[_Span, int]]:
    """Yield `spans` with their token counts; spans over the window are halved until they fit.

    `known_counts` maps the start of a span to its token count, for some spans. Packing counts the
    tokens of a span inside its section; a tokenizer that looks across the cut (SentencePiece,
    byte-level BPE) may count the span alone a little differently.
    """
    counts = _count_tokens(
        text, [span for span in spans if span.start not in known_counts], tokenizer
    )
    for span in spans:
        tokens = known_counts[span.start] if span.start in known_counts else next(counts)
        if tokens <= tokenizer.window or span.end - span.start == 1:
            yield span, tokens
        else:
            halves = split_in_half(text, span.start, span.end)
            parts = [_Span(span.section, start, end) for start, end in halves]
            yield from _halved_to_window(text, parts, {}, tokenizer)


def _count_tokens(text: str, spans: list[_Span], tokenizer: Tokenizer) -> Iterator[int]:
    texts = (embedded_text(span.header, text[span.start : span.end]) for span in spans)
    return count_in_batches(texts, tokenizer)


def _line_numbers(
    document: Document, spans: list[_Span]
) -> Iterator[tuple[int, int] | tuple[None, None]]:
    """Yield the first and the last line of each span, from 1; None if the format has no lines."""
    line, counted = 1, 0  # the line of the offset `counted`
    for span in spans:
        if not document.lines:
            yield None, None
            continue
        line += document.text.count("\n", counted, span.start)
        counted = span.start
        yield line, line + document.text.count("\n", span.start, span.end)


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
        remaining_tokens = token_offsets.count(span_start, self.end)
        last = min(max_cut, token_offsets.start_before(self.end, max_tokens // 4))
        overlap = min(self.limits.overlap, max_tokens // 2)
        parts = max(2, -(-(remaining_tokens - overlap) // (max_tokens - overlap)))
        target_cut = min(
            last,
            token_offsets.end_after(
                span_start, -(-(remaining_tokens + overlap * (parts - 1)) // parts)
            ),
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
