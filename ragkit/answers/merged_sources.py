"""The sources of an answer from several collections: their hits, merged into one ranking.

What an answer needs besides (the encoder that compares sentences with the question, the terms and
their idf) is that of the first collection. Knows no question and no rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.retrieval.merging import merge_hits

if TYPE_CHECKING:
    from ragkit.answers.extractive import QuestionScorer
    from ragkit.answers.pipeline import Sources
    from ragkit.records.hits import Hit

INTERLEAVED = (
    "the scores of these collections are not comparable; their results are interleaved by rank"
)


class MergedSources:
    """Several collections, searched with one set of options; in place of `pipeline.Sources`."""

    def __init__(
        self, sources: Mapping[str, Sources], fingerprints: Mapping[str, str | None]
    ) -> None:
        """`sources` and `fingerprints` (of the encoders) are by the names of the collections."""
        self._sources, self._fingerprints = sources, fingerprints
        self._merged_by = "score"
        usable = [item for name, item in sources.items() if fingerprints[name] is not None]
        self._first = usable[0] if usable else next(iter(sources.values()))

    def notify(self, line: str) -> None:
        """Give one line of text to the user."""
        self._first.notify(line)

    def retrieve(self, question: str) -> tuple[Hit, ...]:
        """Return the hits for a question, extended to whole paragraphs, best first."""
        results = {name: item.retrieve(question) for name, item in self._sources.items()}
        options = self._first.options
        merged = merge_hits(results, options.k, options, self._fingerprints)
        self._merged_by = merged.merged_by
        return merged.hits

    def notes(self) -> tuple[str, ...]:
        """Return what an answer says about the ranking of `retrieve`."""
        return () if self._merged_by == "score" else (INTERLEAVED,)

    def unreadable_notice(self, question: str) -> str | None:
        """Return why no collection can be compared with the question; None if one can."""
        notices = [item.unreadable_notice(question) for item in self._sources.values()]
        return None if None in notices else notices[0]

    def term_functions(
        self, questions: Sequence[str] = ()
    ) -> tuple[Callable[[str], list[str]], Callable[[str], float]]:
        """Return the functions text → index terms and term → idf, of the first collection."""
        return self._first.term_functions(questions)

    def scorer(self, question: str) -> QuestionScorer:
        """Return the scorer of a question; encodes the question and its sentences."""
        return self._first.scorer(question)
