"""Split a document into passages: spans that fit an encoder's window, cut where a reader pauses.

A passage never crosses a heading, a slide, a chapter or a sheet. It never splits a code fence or a
table row that fits the window. It ends at the strongest boundary within reach: page, paragraph,
sentence, line, word, and only then inside a word. Every visible character is in at least one
passage, except those of `sections.blob_spans`. The passages of a section depend only on that
section and its heading path, so an edit elsewhere does not change them.

All offsets are characters of `Document.text`. All sizes are tokens of the encoder without its
special tokens. Pure functions. Does not know files, vectors or databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.errors import UsageError
from ragkit.passages.locators import format_locator, main_page
from ragkit.passages.packing import PassageLimits, pack_section, split_in_half
from ragkit.passages.sections import Section, find_sections
from ragkit.passages.token_offsets import MAX_WORD_CHARACTERS, Tokenizer, count_in_batches
from ragkit.records.documents import Document, Passage, embedded_text

SPLITTER_VERSION: int = 3  # raised whenever the same text would be split differently

_MAX_OVERLAP = 0.2
_TYPICAL_TOKEN = 4  # characters; decides only which of two ways is tried first


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
    document: Document, tokenizer: Tokenizer, *, size: int, overlap: float
) -> list[Passage]:
    """Split `document` into passages in text order; [] if it has only white space.

    `size` is the target for header and text together, in tokens; it is limited to
    `tokenizer.window`. Only a code fence or a table row that fits the window may exceed `size`,
    and the last passage of a section by a tenth. `overlap` (0 to 0.2) is the share of `size` that
    a passage may repeat of the passage before it.

    `Passage.tokens` is the tokenizer's own count for `embedded_text(header, text)`.

    Raises UsageError for a size below 1 or an overlap out of range.
    """
    limits = _limits(tokenizer.window, size, overlap)
    counted = list(_fitting_spans(document, tokenizer, limits))
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
    document: Document, tokenizer: Tokenizer, limits: PassageLimits
) -> Iterator[tuple[_Span, int]]:
    """Yield the spans of the passages with their token counts.

    Most sections fit as they are and are only counted; the others are packed.
    """
    text = document.text
    sections = find_sections(document, tokenizer, limits.size // 4)
    short = [_Span(s, s.start, s.end) for s in sections if _may_fit(text, s, limits.size)]
    known = {
        span.start: tokens
        for span, tokens in zip(short, _count_tokens(text, short, tokenizer), strict=True)
        if tokens <= limits.size
    }
    spans: list[_Span] = []
    for section in sections:
        if section.start in known:
            spans.append(_Span(section, section.start, section.end))
        else:
            packed = pack_section(text, section, tokenizer, limits)
            spans.extend(_Span(section, start, end) for start, end in packed)
    yield from _halved_to_window(text, spans, known, tokenizer)


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
    text: str, spans: list[_Span], known: dict[int, int], tokenizer: Tokenizer
) -> Iterator[tuple[_Span, int]]:
    """Yield `spans` with their token counts; spans over the window are halved until they fit.

    `known` maps the start of a span to its count where that is known. Packing counts the tokens of
    a span inside its section; a tokenizer that looks across the cut (SentencePiece, byte-level
    BPE) may count the span alone a little differently.
    """
    counts = _count_tokens(text, [span for span in spans if span.start not in known], tokenizer)
    for span in spans:
        tokens = known[span.start] if span.start in known else next(counts)
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
