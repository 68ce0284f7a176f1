"""The citation check: which sentence of a source each `[n]` stands for, and whether it supports it.

Each `[n]` becomes one `Citation`; its quote is the sentence of source n with the highest cosine to
a sentence of the answer that cites n. A sentence of the answer is unsupported if both its cosine to
the cited sources and the share of its words that they contain are below MIN_SUPPORT, or if it
contains a number that they do not contain. A sentence without a citation is compared with all
sources. The check finds invented statements, not every error: adding a "not" to a sentence hardly
changes its embedding. Knows hits and the question's scorer; no store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.answers.extractive import QuestionScorer, source_text
from ragkit.answers.sanitize import CITATION_MARK, CITATION_PATTERN, find_citation_marks
from ragkit.passages.boundaries import SENTENCE, find_boundaries, split_at
from ragkit.passages.sentences import Sentence, split_sentences
from ragkit.records.answers import Citation, Statement, build_citation
from ragkit.records.hits import Hit

MIN_SUPPORT = 0.5  # cosine, and idf-weighted share of words
_MIN_WORDS = 3  # a sentence with fewer words and without a citation is not checked
_SPACED_CITATION = re.compile(rf"(?<![^\S\n])[^\S\n]*{CITATION_PATTERN}")
_TRAILING_CITATIONS = re.compile(rf"(?:[^\S\n]*{CITATION_PATTERN})+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def check_citations(
    text: str, sources: Mapping[int, Hit], scorer: QuestionScorer
) -> tuple[tuple[Citation, ...], tuple[Statement, ...]]:
    """Return the citations of an answer, by n, and its unsupported sentences.

    `sources` maps n to its hit and has every `[n]` of the text.
    """
    spans = [span for span in split_statements(text) if _is_statement(text[slice(*span)])]
    if not spans or not sources:
        return (), ()
    source_sentences = {
        n: split_sentences(hit.text) or [Sentence(0, len(hit.text))] for n, hit in sources.items()
    }
    statements = [_remove_citations(text[start:end]) for start, end in spans]
    quotes = [
        sources[n].text[sentence.start : sentence.end]
        for n, sentences in source_sentences.items()
        for sentence in sentences
    ]
    vectors = scorer.encode([*statements, *quotes])
    cosines = vectors[: len(statements)] @ vectors[len(statements) :].T
    columns: dict[int, slice] = {}  # n → the columns of its sentences in `cosines`
    offset = 0
    for n, sentences in source_sentences.items():
        columns[n] = slice(offset, offset + len(sentences))
        offset += len(sentences)
    best: dict[int, tuple[float, Sentence]] = {}  # n → highest cosine and its sentence
    unsupported = []
    for row, (start, end) in enumerate(spans):
        cites = tuple(dict.fromkeys(n for _, _, n in find_citation_marks(text[start:end])))
        compared = cites or tuple(sources)
        for n in cites:
            top = int(np.argmax(cosines[row, columns[n]]))
            cosine = float(cosines[row, columns[n]][top])
            if n not in best or cosine > best[n][0]:
                best[n] = (cosine, source_sentences[n][top])
        cosine = max(float(cosines[row, columns[n]].max()) for n in compared)
        support = _score_support(statements[row], cosine, [sources[n] for n in compared], scorer)
        if support < MIN_SUPPORT:
            unsupported.append(Statement(start, end, text[start:end], cites, support))
    citations = tuple(
        build_citation(n, sources[n], sentence.start, sentence.end)
        for n, (_, sentence) in sorted(best.items())
    )
    return citations, tuple(unsupported)


def split_statements(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences of an answer, each with the citations that follow it."""
    ends = []
    without_marks = CITATION_MARK.sub(lambda mark: " " * len(mark[0]), text)
    for offset, strength in find_boundaries(without_marks, 0, len(without_marks)):
        if strength >= SENTENCE or text[offset - 1] == "\n":
            citations = _TRAILING_CITATIONS.match(text, offset)
            ends.append(citations.end() if citations else offset)
    return split_at(text, ends)


def _is_statement(text: str) -> bool:
    """Whether a sentence of an answer can be checked: not "Yes.", not a lead-in."""
    without_marks = _remove_citations(text)
    words = re.findall(r"[^\W\d_]+", without_marks)
    is_lead_in = without_marks.rstrip().endswith((":", "："))
    has_citation = bool(find_citation_marks(text))
    return bool(words) and (has_citation or (len(words) >= _MIN_WORDS and not is_lead_in))


def _remove_citations(text: str) -> str:
    return _SPACED_CITATION.sub("", text).strip()


def _score_support(
    statement: str, cosine: float, sources: Sequence[Hit], scorer: QuestionScorer
) -> float:
    """Return how well `sources` support a statement, 0 to 1.

    The maximum of `cosine`, its highest to a sentence of them, and the idf-weighted share of its
    terms that they contain; 0 if it has a number that no source contains.
    """
    text = source_text(sources)
    numbers = set(_NUMBER.findall(text))
    without_item_number = re.sub(r"^\s*\d{1,2}[.)]\s", "", statement)
    if any(number not in numbers for number in _NUMBER.findall(without_item_number)):
        return 0.0
    idf = {term: scorer.idf(term) for term in scorer.terms(statement)}
    source_terms = set(scorer.terms(text))
    total = sum(idf.values())
    shared = sum(value for term, value in idf.items() if term in source_terms)
    return max(0.0, cosine, shared / total if total else 0.0)
