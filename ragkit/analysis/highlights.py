"""Where a text contains the words of a query, in any form that the analysis knows: their spans.

The text is analysed as for the index, so what a search found is what is marked: stems, base forms,
other spellings, parts of compounds and identifiers, numbers and dates as people write them, n-grams
of scripts without spaces. Knows texts and terms; no index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from ragkit.analysis.analyzer import (
    MAX_WORD_LENGTH,
    Analyzer,
    identifier_parts,
    joined_words,
    normalize,
    symbols,
    unspaced_runs,
    word_spans,
)
from ragkit.analysis.identifiers import joined_matches
from ragkit.analysis.letters import folded

Span = tuple[int, int]
_CHUNK = re.compile(r"\S+")
# Characters; a longer run is compared only if its folded form has the same length.
_MAX_FOLDED_RUN = 200
_BIGRAM, _TRIGRAM = 2, 3
# Fewer characters of a longer word are a coincidence: kana form endings and sounds of other words.
_MIN_KANA = 3
_MIN_OF_TRIGRAMS = 4


@cache
def _kana() -> re.Pattern[str]:
    return re.compile("[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+")


class Target(NamedTuple):
    """A word of a query: its text there, the terms of it that the index has, and further terms
    (`Analyzer.index_forms`)."""

    surface: str
    terms: frozenset[str]
    forms: frozenset[str]


class SpanFinder:
    """Finds the words of one query in texts of one language.

    It remembers what it has analysed: use it for all hits of a query, on one thread.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        query: str,
        targets: Sequence[Target],
        *,
        with_dictionary: bool = False,
    ) -> None:
        self._analyzer, self._with_dictionary = analyzer, with_dictionary
        self._terms: dict[str, set[int]] = {}
        self._forms: dict[str, set[int]] = {}
        self._literals: list[tuple[str, int]] = []  # too short for an n-gram
        for number, target in enumerate(targets):
            if Analyzer.is_shorter_than_ngram(target.surface):
                self._literals.append((target.surface, number))
                continue
            for term in target.terms:
                self._terms.setdefault(term, set()).add(number)
            for term in target.forms:
                self._forms.setdefault(term, set()).add(number)
        self._wanted = self._terms.keys()
        # Targets that several words of a text may be together.
        self._across = {
            number
            for number, target in enumerate(targets)
            if target.forms or not all(map(str.isalpha, target.terms))
        }
        self._rejected: set[str] = set()
        self._min_kana, self._min_of_trigrams = _shortest_runs(normalize(query))
        self._chunks: dict[str, tuple[list[Span], set[int]]] = {}

    def find(self, text: str) -> tuple[list[Span], set[int]]:
        """Return the spans of the words in a text, ascending and without overlap, and the numbers
        of the targets that they are of. Offsets are characters."""
        found: set[int] = set()
        spans: list[Span] = []
        chunks = self._matching(set(text.split()))
        if chunks:
            for match in _CHUNK.finditer(text):
                if match[0] in chunks:
                    chunk_spans, numbers = self._chunks[match[0]]
                    start = match.start()
                    spans += [(start + first, start + last) for first, last in chunk_spans]
                    found |= numbers
        if not self._across.issubset(found):
            for span, numbers in self._across_words(text):
                spans.append(span)
                found |= numbers
        return _merge(spans), found

    def _matching(self, chunks: set[str]) -> set[str]:
        """Return those of the chunks of a text, without white space, that contain a target."""
        fresh = chunks - self._rejected - self._chunks.keys()
        possible = set(self._analyzer.chunks_with(fresh, self._wanted))
        if self._forms:
            possible.update(chunk for chunk in fresh if self._analyzer.has_forms(chunk))
        for surface, _ in self._literals:
            possible.update(chunk for chunk in fresh if surface in chunk)
        for chunk in possible:
            spans, numbers = self._analyze(chunk)
            if spans:
                self._chunks[chunk] = spans, numbers
        self._rejected |= fresh - self._chunks.keys()
        return chunks & self._chunks.keys()

    def _analyze(self, chunk: str) -> tuple[list[Span], set[int]]:
        """Return the spans and targets in a chunk."""
        plain, starts, ends = aligned(chunk)
        spans: list[Span] = []
        found: set[int] = set()
        for begin, end in word_spans(plain):
            for first, last, numbers in self._word(plain[begin:end]):
                spans.append((starts[begin + first], ends[begin + last - 1]))
                found |= numbers
        return spans, found

    def _word(self, word: str) -> Iterator[tuple[int, int, set[int]]]:
        """Yield the spans of a normalized word that match, with their targets."""
        offset, parts = 0, word.split(".")
        if parts[1:] and len(word) <= MAX_WORD_LENGTH:
            numbers = self._terms.get(self._analyzer.term(word))
            if numbers:
                yield 0, len(word), numbers
        for part in parts:
            for start, end, size in unspaced_runs(part):
                find = self._ngrams if size else self._spaced
                for first, last, numbers in find(part[start:end], size):
                    yield offset + start + first, offset + start + last, numbers
            offset += len(part) + 1

    def _spaced(self, text: str, _: int) -> Iterator[tuple[int, int, set[int]]]:
        word = text.strip("_")
        if not word or len(word) > MAX_WORD_LENGTH:
            return
        start = text.index(word)
        if of_word := self._numbers(word):
            yield start, start + len(word), of_word
            return
        for part in identifier_parts(word):
            start = text.index(part, start)
            if numbers := self._terms.get(self._analyzer.term(part)):
                yield start, start + len(part), numbers
            start += len(part)

    def _numbers(self, word: str) -> set[int]:
        """Return the targets of a word without parts."""
        found = set(self._terms.get(self._analyzer.term(word), ()))
        if self._forms:
            for form in self._analyzer.forms(word, with_dictionary=self._with_dictionary):
                found |= self._forms.get(form, set())
        return found

    def _ngrams(self, run: str, size: int) -> Iterator[tuple[int, int, set[int]]]:
        matches: list[tuple[int, int, set[int]]] = []
        for start in range(max(1, len(run) - size + 1)):
            gram = run[start : start + size]
            if numbers := self._terms.get(gram):
                matches.append((start, start + len(gram), numbers))
        matches += self._folded_ngrams(run, size)
        yield from self._long_enough(run, size, matches)
        for surface, number in self._literals:
            start = run.find(surface)
            while start >= 0:
                yield start, start + len(surface), {number}
                start = run.find(surface, start + len(surface))

    def _folded_ngrams(self, run: str, size: int) -> Iterator[tuple[int, int, set[int]]]:
        """Yield the n-grams of a run whose folded form is another one: traditional Han, kana."""
        key = folded(run) if self._forms else run
        if key == run:
            return
        lengths = list(range(len(run) + 1))
        if len(key) != len(run):
            if len(run) > _MAX_FOLDED_RUN:
                return
            lengths = [len(folded(run[:length])) for length in lengths]
        for start in range(max(1, len(key) - size + 1)):
            gram = key[start : start + size]
            numbers = self._forms.get(gram, set())
            inside = [i for i in range(len(run)) if start <= lengths[i] < start + len(gram)]
            if numbers and inside:
                yield inside[0], inside[-1] + 1, numbers

    def _long_enough(
        self, run: str, size: int, matches: list[tuple[int, int, set[int]]]
    ) -> Iterator[tuple[int, int, set[int]]]:
        """Yield the n-grams that together are a part of the query, and not a coincidence."""
        for start, end in _merge([(start, end) for start, end, _ in matches]):
            shortest = _BIGRAM if size == _BIGRAM else self._min_of_trigrams
            if size == _BIGRAM and _kana().fullmatch(run[start:end]):
                shortest = self._min_kana
            if end - start >= shortest:
                inside = [numbers for first, _, numbers in matches if start <= first < end]
                yield start, end, set[int]().union(*inside)

    def _across_words(self, text: str) -> Iterator[tuple[Span, set[int]]]:
        """Yield the spans that consist of several words: amounts, dates, codes, names with signs,
        words with hyphens."""
        plain, starts, ends = aligned(text)
        units = [(name.surface, list(name.terms)) for name in symbols(plain)]
        if any(not term.isalpha() for terms in (self._terms, self._forms) for term in terms):
            units += [
                (quantity.surface, list(quantity.terms))
                for quantity in self._analyzer.quantities(plain)
            ]
            units += [
                (surface, [self._analyzer.term(joined)])
                for surface, joined in joined_matches(plain)
            ]
        units += [
            (normalize(surface), [self._analyzer.term(word) for word in row])
            for surface, row in joined_words(text)
        ]
        for surface, terms in units:
            numbers = set[int]().union(
                *(self._terms.get(term, set()) | self._forms.get(term, set()) for term in terms)
            )
            if not numbers or not surface:
                continue
            for match in re.finditer(rf"(?<!\w){re.escape(surface)}(?!\w)", plain):
                yield (starts[match.start()], ends[match.end() - 1]), numbers


def aligned(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return a normalized text, and for each of its characters the start and the end of what it
    was made of in `text`."""
    plain = normalize(text)
    if plain == text:
        return text, range(len(text)), range(1, len(text) + 1)
    starts: list[int] = []
    ends: list[int] = []
    pieces: list[str] = []
    for start, end in _clusters(text):
        piece = normalize(text[start:end])
        pieces.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return "".join(pieces), starts, ends


def _clusters(text: str) -> Iterator[Span]:
    """Yield spans that can be normalized one by one: a character with its marks."""
    start = 0
    for index in range(1, len(text)):
        first = normalize(text[index])[:1]
        is_bound = (
            not first
            or unicodedata.category(first)[0] == "M"
            or "\u1160" <= first <= "\u11ff"  # vowels and final consonants of Hangul
        )
        if not is_bound:
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _shortest_runs(query: str) -> tuple[int, int]:
    """Return how many characters of kana, and of a script with trigrams, a match has at least."""
    kana, trigrams = [_MIN_KANA], [_MIN_OF_TRIGRAMS]
    for begin, end in word_spans(query):
        for start, stop, size in unspaced_runs(query[begin:end]):
            if size == _TRIGRAM:
                trigrams.append(stop - start)
            elif size and _kana().fullmatch(query[begin + start : begin + stop]):
                kana.append(stop - start)
    return min(kana), min(trigrams)


def _merge(spans: list[Span]) -> list[Span]:
    """Return the spans ascending, those that overlap or touch as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
