"""A source's text as sentences that can stand alone: whole ones, list items and rows of tables.

Contract: spans of the text, in order, without the white space around them. A heading alone, a rule
and a table's border are no sentences. An item of a list is said with the lead-in that announces
it, a row with its table's header: the span of either is its `context`. Knows characters only; where
sentences end is what `passages.find_boundaries` says, in all scripts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.passages.boundaries import LINE, SENTENCE, find_boundaries, is_lead_in, split_at

SHORTEST = 12  # characters of what no sign ends; less says nothing alone
LONGEST_TITLE = 90  # characters
_LONGEST_HEADING = 240  # of a question, or one that is known
_FEW = 3  # words of a numbered title that ends like a sentence, at least
_ITEM = re.compile(r"(?:[-*+•‣◦▪·]|\d{1,3}[.)])[^\S\n]+")
_ROW = re.compile(r"\|?[^|\n]+(?:\|[^|\n]*)+$")
_RULE = re.compile(r"[\W_]+")
_HEADING = re.compile(r"#{1,6}\s|={3,}|-{3,}")
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s+[^\W\d_]")
_QUESTION = re.compile(r"\(?\d{1,3}(?:\.\d+)*[.)]\s+\S[\s\S]*\?")
_UNDERLINED = re.compile(r"\n([=~^*+#-])\1{3,}$")
_END = re.compile(r"""[.!?…:;。！？．｡؟۔।॥።၊။]["'’”»›)\]}」』）】》〉*_`]{0,4}$""")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text[start:end]`, and where what it needs to be understood stands, if anything does."""

    start: int
    end: int
    context: tuple[int, int] | None = None


def sentences(text: str, headings: Sequence[str] = ()) -> list[Sentence]:
    """The sentences of a text; `headings` are known to be none, whatever they look like."""
    found: list[Sentence] = []
    lead: tuple[int, int] | None = None
    header: tuple[int, int] | None = None
    titles = _titles(text, headings)
    for start, end in _spans(text):
        said = text[start:end]
        if _RULE.fullmatch(said) or any(begin <= start and end <= stop for begin, stop in titles):
            continue
        if _ROW.fullmatch(said):
            if header is None:
                header = (start, end)
            else:
                found.append(Sentence(start, end, header))
            lead = None
            continue
        header = None
        item = _ITEM.match(said)
        if item is None:
            lead = (start, end) if is_lead_in(text, end) else None
        if _is_sentence(said):
            found.append(Sentence(start, end, lead if item else None))
    return found


def _titles(text: str, headings: Sequence[str]) -> list[tuple[int, int]]:
    """Spans of the paragraphs that are headings though they look like sentences: a numbered
    question, as FAQs have them, and those that are known."""
    known = {_plain(heading) for heading in headings} - {""}
    return [
        match.span()
        for match in re.finditer(r"\S(?:[^\n]|\n(?!\s*\n))*", text)
        if len(match[0]) <= _LONGEST_HEADING
        and (_QUESTION.fullmatch(match[0].rstrip()) or _plain(match[0]) in known)
    ]


def _plain(heading: str) -> str:
    return " ".join(heading.split()).strip("#*=- .").casefold()


def _spans(text: str) -> list[tuple[int, int]]:
    """Between borders; lines of running text stay together, lines of their own do not."""
    ends = []
    for offset, strength in find_boundaries(text, 0, len(text)):
        if strength >= SENTENCE or (strength == LINE and _own_line(text, offset)):
            ends.append(offset)
    return split_at(text, ends)


def _own_line(text: str, offset: int) -> bool:
    """Whether the line that ends at `offset` is a heading, a row or a lead-in: not to be joined
    with what follows."""
    begin = text.rfind("\n", 0, max(0, offset - 1)) + 1
    line = text[begin:offset].strip()
    following = text[offset:].lstrip("\n")[:80].lstrip()
    return bool(
        _HEADING.match(line)
        or (_NUMBERED.match(line) and _is_title(f"{line}."))
        or (_ROW.fullmatch(line) and "|" in line)
        or (is_lead_in(text, offset) and (_ITEM.match(following) or "\n\n" in text[begin:offset]))
    )


def _is_sentence(said: str) -> bool:
    if _HEADING.match(said) or _UNDERLINED.search(said) or _is_title(said):
        return False
    return len(said) >= SHORTEST or _END.search(said) is not None


def _is_title(said: str) -> bool:
    """Whether a short line has the look of a heading: a number before it, or capitals all along,
    and nothing that ends a sentence."""
    if len(said) > LONGEST_TITLE or "\n" in said:
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", said) if len(word) > 3]
    capitals = sum(word[0].isupper() for word in words)
    numbered = _NUMBERED.match(said) is not None
    if _END.search(said):  # "10. Concurrent Use By Multiple Processes."
        return numbered and len(words) >= _FEW and capitals == len(words)
    return numbered or (capitals > 0 and capitals >= 0.6 * len(words))
