"""Citations: from `[n]` to the words of a source that say it, and whether they do.

Contract: each `[n]` becomes one `Citation` whose quote is the sentence of source n that is nearest
to what is said with it. A sentence of the answer is unsupported where neither its meaning nor its
words are in what it cites (both below `BOUND`), or where it gives a number that is not there; one
that cites nothing is held against all sources. That finds the invented, not every error: a
sentence with a "not" too many is near to one without. Knows hits and the lens; no store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.answers import Lens
from ragkit.answers.rendering import MARK, MARKED, marks
from ragkit.answers.sentences import Sentence, sentences
from ragkit.passages.boundaries import SENTENCE, find_boundaries, split_at
from ragkit.records.answers import Citation, Statement
from ragkit.records.documents import Hit

BOUND = 0.5  # of the cosine, and of the share of words by rarity
_FEW_WORDS = 3  # fewer, and without a citation, are no statement
_SPACED = re.compile(rf"(?<![^\S\n])[^\S\n]*{MARK}")
_BEHIND = re.compile(rf"(?:[^\S\n]*{MARK})+")  # a sentence
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def citation(n: int, hit: Hit, start: int, end: int) -> Citation:
    """`[n]` stands for these characters of a hit's text."""
    return Citation(
        n=n,
        passage_id=hit.passage_id,
        path=hit.path,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + end,
        quote=hit.text[start:end],
        citation=hit.citation,
        title=hit.title,
        locator=hit.locator,
        start_line=hit.start_line,
        end_line=hit.end_line,
        stale=hit.stale,
    )


def checked(
    text: str, sources: Mapping[int, Hit], lens: Lens
) -> tuple[tuple[Citation, ...], tuple[Statement, ...]]:
    """The citations of an answer by n, and those of its sentences that are unsupported.

    `sources` are the hits by their n; every `[n]` in the text is one of them.
    """
    spans = [span for span in statements(text) if _says_something(text[slice(*span)])]
    if not spans or not sources:
        return (), ()
    parts: dict[int, list[Sentence]] = {}
    for n, hit in sources.items():
        parts[n] = sentences(hit.text) or [Sentence(0, len(hit.text))]
    said = [_bare(text[start:end]) for start, end in spans]
    quotes = [sources[n].text[part.start : part.end] for n in parts for part in parts[n]]
    vectors = lens.encode([*said, *quotes])
    cosines = vectors[: len(said)] @ vectors[len(said) :].T
    columns: dict[int, slice] = {}
    for n, found in parts.items():
        begin = sum(len(parts[each]) for each in columns)
        columns[n] = slice(begin, begin + len(found))
    best: dict[int, tuple[float, Sentence]] = {}
    unsupported = []
    for row, (start, end) in enumerate(spans):
        cites = tuple(dict.fromkeys(n for _, _, n in marks(text[start:end])))
        named = cites or tuple(sources)
        for n in cites:
            near = cosines[row, columns[n]]
            top = int(np.argmax(near))
            best[n] = max(best.get(n, (-2.0, parts[n][0])), (float(near[top]), parts[n][top]),
                          key=lambda pair: pair[0])  # fmt: skip
        nearest = max(float(cosines[row, columns[n]].max()) for n in named)
        support = _support(said[row], nearest, [sources[n] for n in named], lens)
        if support < BOUND:
            unsupported.append(Statement(start, end, text[start:end], cites, support))
    cited = tuple(
        citation(n, sources[n], part.start, part.end) for n, (_, part) in sorted(best.items())
    )
    return cited, tuple(unsupported)


def statements(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of an answer, each with the citations that follow it."""
    ends = []
    plain = MARKED.sub(lambda mark: " " * len(mark[0]), text)
    for offset, strength in find_boundaries(plain, 0, len(plain)):
        if strength >= SENTENCE or text[offset - 1] == "\n":
            behind = _BEHIND.match(text, offset)
            ends.append(behind.end() if behind else offset)
    return split_at(text, ends)


def _says_something(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", _bare(text))
    leads = _bare(text).rstrip().endswith((":", "："))
    return bool(words) and (bool(marks(text)) or (len(words) >= _FEW_WORDS and not leads))


def _bare(text: str) -> str:
    return _SPACED.sub("", text).strip()


def _support(said: str, nearest: float, sources: Sequence[Hit], lens: Lens) -> float:
    """0 to 1: the better of cosine and shared words; 0 for a number that no source has."""
    there = "\n".join(f"{hit.title}\n{' '.join(hit.heading)}\n{hit.text}" for hit in sources)
    numbers = set(_NUMBER.findall(there))
    listed = re.sub(r"^\s*\d{1,2}[.)]\s", "", said)  # the number of a list's item says nothing
    if any(number not in numbers for number in _NUMBER.findall(listed)):
        return 0.0
    rarity = {term: lens.rarity(term) for term in lens.terms(said)}
    known = set(lens.terms(there))
    whole = sum(rarity.values())
    shared = sum(rare for term, rare in rarity.items() if term in known) / whole if whole else 0.0
    return max(0.0, nearest, shared)
