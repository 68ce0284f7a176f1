"""Document to passages: spans that fit an encoder's window, cut where a reader would pause.

A passage never crosses a heading, a slide, a chapter or a sheet, never splits a code fence or a
table's row that fits the window, and ends at the strongest border within reach: page, paragraph,
sentence, line, word, and only then inside a word. Every character that is not white space is in
at least one passage, but for what `data` says. Passages of one section depend
on that section and its heading path alone, so that an edit elsewhere leaves them as they were.

All offsets are characters of `Document.text`; all sizes are tokens of the encoder, its special
tokens left out. Pure: reads and writes nothing, and knows nothing of files, vectors or databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.errors import UsageError
from ragkit.passages.locators import main_page, written
from ragkit.passages.packing import Limits, middle, pack
from ragkit.passages.sections import Section, sections_of
from ragkit.passages.token_offsets import LONGEST_WORD, Tokenizer, counts
from ragkit.records.documents import Document, Passage, embedded_text

__all__ = ["CUTTER_VERSION", "Tokenizer", "embedded_text", "split"]

CUTTER_VERSION: int = 3  # raised whenever the same text would be cut differently

_LARGEST_OVERLAP = 0.2
_LIKELY_CHARACTERS = 4  # a token, in most text: decides only which of two ways is tried first


@dataclass(frozen=True, slots=True)
class _Draft:
    """A passage before its place on pages and lines is looked up."""

    section: Section
    start: int
    end: int

    @property
    def header(self) -> str:
        return self.section.header_at(self.start)


def split(
    document: Document, tokenizer: Tokenizer, *, size: int = 240, overlap: float = 0.15
) -> list[Passage]:
    """Cut `document` into passages, in text order; [] where there is only white space.

    `size` is the number of tokens aimed at for header and text together; no more than
    `tokenizer.window` is ever used. Only a fence or a table's row that fits the window may exceed
    `size`, and the end of a section by a tenth.
    `overlap` (0 to 0.2) is the share of `size` that a passage may repeat of the one before it.

    `Passage.tokens` is the tokenizer's own count of `embedded_text(header, text)`.
    """
    limits = _limits(tokenizer.window, size, overlap)
    counted = list(_drafts(document, tokenizer, limits))
    lines = _line_numbers(document, [draft for draft, _ in counted])
    return [
        Passage(
            start=draft.start,
            end=draft.end,
            text=document.text[draft.start : draft.end],
            heading=draft.section.path,
            header=draft.header,
            tokens=tokens,
            page=main_page(document.text, document.pages, draft.start, draft.end),
            locator=written(document.pages, document.locators, draft.start, draft.end),
            start_line=first,
            end_line=last,
        )
        for (draft, tokens), (first, last) in zip(counted, lines, strict=True)
    ]


def _limits(window: int, size: int, overlap: float) -> Limits:
    if size < 1:
        raise UsageError(f"a passage size of {size} tokens: it must be at least 1")
    if not 0 <= overlap <= _LARGEST_OVERLAP:
        raise UsageError(f"an overlap of {overlap}: it must be from 0 to {_LARGEST_OVERLAP}")
    size = min(size, window)
    return Limits(size=size, window=window, overlap=int(size * overlap))


def _drafts(
    document: Document, tokenizer: Tokenizer, limits: Limits
) -> Iterator[tuple[_Draft, int]]:
    """The passages with their tokens. Most sections fit as they are and are only counted."""
    text = document.text
    sections = sections_of(document, tokenizer, limits.size // 4)
    short = [_Draft(s, s.start, s.end) for s in sections if _may_fit(text, s, limits.size)]
    known = {
        draft.start: tokens
        for draft, tokens in zip(short, _counts(text, short, tokenizer), strict=True)
        if tokens <= limits.size
    }
    drafts: list[_Draft] = []
    for section in sections:
        if section.start in known:
            drafts.append(_Draft(section, section.start, section.end))
        else:
            spans = pack(text, section, tokenizer, limits)
            drafts.extend(_Draft(section, start, end) for start, end in spans)
    yield from _fitted(text, drafts, known, tokenizer)


def _may_fit(text: str, section: Section, size: int) -> bool:
    """Whether it is worth counting the section whole. No word in it may need cutting."""
    if section.pages:
        return False
    length = section.end - section.start
    if length > size * _LIKELY_CHARACTERS:
        return False
    words = text[section.start : section.end].split() if length > LONGEST_WORD else []
    return all(len(word) <= LONGEST_WORD for word in words)


def _fitted(
    text: str, drafts: list[_Draft], known: dict[int, int], tokenizer: Tokenizer
) -> Iterator[tuple[_Draft, int]]:
    """`drafts` with their tokens, which `known` has for some, by their start. Those over the
    window are halved until they fit.

    Packing counts the tokens of a span inside its section; a tokenizer that looks across the
    cut (SentencePiece, byte-level BPE) may count the span alone a little differently.
    """
    fresh = _counts(text, [draft for draft in drafts if draft.start not in known], tokenizer)
    for draft in drafts:
        tokens = known[draft.start] if draft.start in known else next(fresh)
        if tokens <= tokenizer.window or draft.end - draft.start == 1:
            yield draft, tokens
        else:
            spans = middle(text, draft.start, draft.end)
            halves = [_Draft(draft.section, start, end) for start, end in spans]
            yield from _fitted(text, halves, {}, tokenizer)


def _counts(text: str, drafts: list[_Draft], tokenizer: Tokenizer) -> Iterator[int]:
    texts = (embedded_text(draft.header, text[draft.start : draft.end]) for draft in drafts)
    return counts(texts, tokenizer)


def _line_numbers(
    document: Document, drafts: list[_Draft]
) -> Iterator[tuple[int, int] | tuple[None, None]]:
    """First and last line of each draft, from 1."""
    line, counted = 1, 0  # the line on which the offset `counted` lies
    for draft in drafts:
        if not document.lines:
            yield None, None
            continue
        line += document.text.count("\n", counted, draft.start)
        counted = draft.start
        yield line, line + document.text.count("\n", draft.start, draft.end)
