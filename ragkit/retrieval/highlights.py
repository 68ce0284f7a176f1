"""Highlights of hits: where their texts contain the words that the lexical index knows of a query.

Command line and page show the same spans, since both are given these. Knows no rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragkit.analysis.analyzer import STOP_PREFIX, analyzer_for
from ragkit.analysis.forms import EXACT, has_dictionary
from ragkit.analysis.highlights import Span, SpanFinder, Target
from ragkit.analysis.query_syntax import ParsedQuery
from ragkit.records.hits import Hit
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.lexical.query_plan import QueryWord
from ragkit.storage.lexical.statistics import FORMS, TEXT


def add_highlights(index: LexicalIndex, query: ParsedQuery, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with the spans of the query's words in their texts as `highlights`.

    Stop words are left out unless the query has no other words. A language's dictionary is loaded
    only where a hit was found by it. Raises LexicalIndexError.
    """
    words = [word for word in index.plan(query).words if word.is_known]
    words = [word for word in words if not _is_stop_word(word)] or words
    targets = [_target(word) for word in words]
    ids = [hit.passage_id for hit in hits]
    languages = index.languages(ids)
    finders: dict[tuple[str, bool], SpanFinder] = {}
    by_dictionary: dict[int, set[int]] | None = None

    def find(text: str, language: str, *, with_dictionary: bool) -> tuple[list[Span], set[int]]:
        key = language, with_dictionary
        if key not in finders:
            finders[key] = SpanFinder(
                analyzer_for(language), query.text, targets, with_dictionary=with_dictionary
            )
        return finders[key].find(text)

    highlighted: list[Hit] = []
    for hit in hits:
        language = languages.get(hit.passage_id)
        if language is None:  # the index has no passages
            highlighted.append(replace(hit, highlights=()))
            continue
        spans, found = find(hit.text, language, with_dictionary=False)
        absent = {n for n, target in enumerate(targets) if target.forms and n not in found}
        if absent and has_dictionary(language):
            if by_dictionary is None:
                by_dictionary = _found_words(index, query, words, ids)
            header = " ".join((hit.title, *hit.heading))
            absent &= by_dictionary.get(hit.passage_id, set())
            absent -= find(header, language, with_dictionary=False)[1] if absent else set()
            if absent:
                spans, _ = find(hit.text, language, with_dictionary=True)
        highlighted.append(replace(hit, highlights=tuple(spans)))
    return highlighted


def _is_stop_word(word: QueryWord) -> bool:
    return bool(word.terms) and all(term.startswith(STOP_PREFIX) for term in word.terms)


def _target(word: QueryWord) -> Target:
    by_field: dict[str, list[str]] = {TEXT: list(word.terms), FORMS: []}
    for form in word.forms:
        if not form.term.startswith(EXACT):  # found by the term without accents, too
            by_field[form.field].append(form.term)
    return Target(word.surface, frozenset(by_field[TEXT]), frozenset(by_field[FORMS]))


def _found_words(
    index: LexicalIndex, query: ParsedQuery, words: Sequence[QueryWord], ids: Sequence[int]
) -> dict[int, set[int]]:
    """Return passage id → the numbers of the words that the index finds it by."""
    found: dict[int, set[int]] = {}
    numbers = {word: number for number, word in enumerate(words)}
    for word, scores in index.term_scores(query, ids):
        if word in numbers:
            for passage_id in scores:
                found.setdefault(passage_id, set()).add(numbers[word])
    return found
