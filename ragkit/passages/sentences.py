"""Split a text into sentences that can be quoted alone: sentences, list items and table rows.

Returns spans of the text, in order, without the white space around them. A heading, a rule and the
border of a table are not sentences. The `context` of a list item is the span of its lead-in, the
`context` of a table row the span of the table's header. A display (a block of code, a formula) is
one span; its `context` is the sentence directly before it. Knows characters only; `find_boundaries`
decides where sentences end, in all scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.passages.boundaries import LINE, SENTENCE, find_boundaries, is_lead_in, split_at
from ragkit.passages.displays import find_displays

MIN_LENGTH = 12  # characters of a sentence without a punctuation mark at its end
MAX_TITLE_LENGTH = 90  # characters
_MAX_HEADING_LENGTH = 240  # characters of a numbered question, and of a known heading
_MIN_TITLE_WORDS = 3  # of a numbered title that ends with a full stop
_MIN_WORD_LENGTH = 4  # characters; shorter words are often in lower case in a title
_CAPITALS_SHARE = 0.6  # share of capitalized words from which a short line is a title
_LIST_ITEM = re.compile(r"(?:[-*+•‣◦▪·]|\d{1,3}[.)])[^\S\n]+")
_TABLE_ROW = re.compile(r"\|?[^|\n]+(?:\|[^|\n]*)+$")
_RULE = re.compile(r"[\W_]+")
_HEADING = re.compile(r"#{1,6}\s|={3,}|-{3,}")
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s+[^\W\d_]")
_NUMBERED_QUESTION = re.compile(r"\(?\d{1,3}(?:\.\d+)*[.)]\s+\S[\s\S]*\?")
_UNDERLINED = re.compile(r"\n([=~^*+#-])\1{3,}$")
SENTENCE_END = re.compile(r"""[.!?…:;。！？．｡؟۔।॥։።፧፨།༎။។៕᠃]["'’”»›)\]}」』）】》〉*_`]{0,4}$""")


@dataclass(frozen=True, slots=True)
class Sentence:
    """The sentence `text[start:end]`, and the span of the lead-in or header that it needs."""

    start: int
    end: int
    context: tuple[int, int] | None = None
    is_display: bool = False


def split_sentences(text: str, headings: Sequence[str] = ()) -> list[Sentence]:
    """Return the sentences of a text. Paragraphs equal to one of `headings` are left out."""
    sentences: list[Sentence] = []
    lead_in: tuple[int, int] | None = None
    header: tuple[int, int] | None = None
    titles = _title_spans(text, headings)
    for start, end, is_display in _spans(text):
        part = text[start:end]
        if is_display:
            before = sentences[-1] if sentences else None
            follows = before is not None and not text[before.end : start].strip()
            context = (before.start, before.end) if before is not None and follows else None
            sentences.append(Sentence(start, end, context, is_display=True))
            continue
        if _RULE.fullmatch(part) or any(first <= start and end <= last for first, last in titles):
            continue
        if _TABLE_ROW.fullmatch(part):
            if header is None:
                header = (start, end)
            else:
                sentences.append(Sentence(start, end, header))
            lead_in = None
            continue
        header = None
        item = _LIST_ITEM.match(part)
        if item is None:
            lead_in = (start, end) if is_lead_in(text, end) else None
        if _is_sentence(part):
            sentences.append(Sentence(start, end, lead_in if item else None))
    return sentences


def _title_spans(text: str, headings: Sequence[str]) -> list[tuple[int, int]]:
    """Return the spans of the paragraphs that are headings although they look like sentences:
    numbered questions, as in an FAQ, and the known headings."""
    known = {_normalize_heading(heading) for heading in headings} - {""}
    return [
        match.span()
        for match in re.finditer(r"\S(?:[^\n]|\n(?!\s*\n))*", text)
        if len(match[0]) <= _MAX_HEADING_LENGTH
        and (
            _NUMBERED_QUESTION.fullmatch(match[0].rstrip()) or _normalize_heading(match[0]) in known
        )
    ]


def _normalize_heading(heading: str) -> str:
    return " ".join(heading.split()).strip("#*=- .").casefold()


def _spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the spans between sentence boundaries, and whether each is a display. A line break
    within running text is not a boundary; one after a heading, a table row or a lead-in is."""
    offset = 0
    for start, end in [*find_displays(text), (len(text), len(text))]:
        ends = [
            boundary - offset
            for boundary, strength in find_boundaries(text, offset, start)
            if strength >= SENTENCE or (strength == LINE and _is_separate_line(text, boundary))
        ]
        for first, last in split_at(text[offset:start], ends):
            yield offset + first, offset + last, False
        if end > start:
            yield start, end, True
        offset = end


def _is_separate_line(text: str, offset: int) -> bool:
    """Whether the line that ends at `offset` is a heading, a table row or a lead-in, which must not
    be joined with the following line."""
    line_start = text.rfind("\n", 0, max(0, offset - 1)) + 1
    line = text[line_start:offset].strip()
    following = text[offset:].lstrip("\n")[:80].lstrip()
    has_blank_line = "\n\n" in text[line_start:offset]
    return bool(
        _HEADING.match(line)
        or (_NUMBERED.match(line) and _is_title(f"{line}."))
        or (_TABLE_ROW.fullmatch(line) and "|" in line)
        or (is_lead_in(text, offset) and (_LIST_ITEM.match(following) or has_blank_line))
    )


def _is_sentence(part: str) -> bool:
    if _HEADING.match(part) or _UNDERLINED.search(part) or _is_title(part):
        return False
    return len(part) >= MIN_LENGTH or SENTENCE_END.search(part) is not None


def _is_title(part: str) -> bool:
    """Whether a short line looks like a heading: it begins with a number, or most of its words are
    capitalized, and no punctuation mark ends it."""
    if len(part) > MAX_TITLE_LENGTH or "\n" in part:
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", part) if len(word) >= _MIN_WORD_LENGTH]
    capitalized = sum(word[0].isupper() for word in words)
    is_numbered = _NUMBERED.match(part) is not None
    if SENTENCE_END.search(part):  # "10. Concurrent Use By Multiple Processes."
        return is_numbered and len(words) >= _MIN_TITLE_WORDS and capitalized == len(words)
    return is_numbered or (capitalized > 0 and capitalized >= _CAPITALS_SHARE * len(words))
