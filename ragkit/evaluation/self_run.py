"""Retrieval quality on questions made from a collection, and on a user's judgements.

A question's answer is a part of a document. A hit answers it if it covers half of that part, or if
half of the hit is inside; further hits of the same part do not count again. Where the question is a
text of the document (its first sentence, say), hits that contain this text and not the answer are
left out of the ranking: they would be found by the question's own words. The function that searches
is passed in: this module does not know `Collection`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ragkit.evaluation.beir import DEPTH, mean_measures, measure_queries
from ragkit.evaluation.self_questions import QuestionSet, SelfQuestion
from ragkit.records.reports import Judgement

MODES = ("dense", "lexical", "hybrid")
SHOWN_DEPTH = 10  # ranks at which a passage that was judged not relevant counts
_OVERLAP = 0.5  # of the shorter of hit and answer


class Place(Protocol):
    """Where a text of a hit is."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def root(self) -> str: ...  # noqa: D102


class Found(Place, Protocol):
    """What measuring reads of a hit."""

    @property
    def passage_id(self) -> int: ...  # noqa: D102
    @property
    def locations(self) -> Sequence[Place]: ...  # noqa: D102


BatchSearch: TypeAlias = Callable[[Sequence[str], str], Sequence[Sequence[Found]]]  # texts, mode
# Path of a document, a span of its text in characters, and the folder that the path is relative to;
# without that folder, or with "", documents with the same path in any folder are meant.
Part: TypeAlias = tuple[str, int, int] | tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query with the parts of documents that a user found relevant to it, or not."""

    text: str
    relevant: tuple[Part, ...]
    rejected: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ModeResult:
    """The measures of one mode: means over the questions, by question, and of each kind."""

    mode: str  # with "+rerank" where a cross-encoder orders the hits
    measures: Mapping[str, float]  # by the names in evaluation.beir.MEASURES
    by_query: Mapping[str, Mapping[str, float]]  # measure → question id → value
    by_kind: Mapping[str, float]  # nDCG@10
    judged: Mapping[str, float]  # of the judged queries; empty without any
    rejected: int  # passages that were judged not relevant, in the top 10


@dataclass(frozen=True, slots=True)
class SelfEvaluation:
    """The measures of a collection on its own questions, by mode."""

    questions: QuestionSet
    measured: tuple[SelfQuestion, ...]
    judged_queries: int  # with a passage that is relevant
    missing_judgements: int  # whose text is no longer in the collection
    results: tuple[ModeResult, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many questions of each kind were measured."""
        counts: dict[str, int] = defaultdict(int)
        for question in self.measured:
            counts[question.kind] += 1
        return dict(counts)


def evaluate_questions(
    questions: Sequence[SelfQuestion],
    judged: Sequence[JudgedQuery],
    search: BatchSearch,
    mode: str,
    label: str,
) -> ModeResult:
    """Search for all questions and judged queries in one mode, and return the measures.

    `search` takes texts and the mode and returns the hits of each, best first. Raises
    UnavailableError where ir-measures is missing.
    """
    texts = [question.text for question in questions] + [query.text for query in judged]
    hits = search(texts, mode) if texts else []
    own = {
        question.id: rank_parts(found, _parts(question), _source(question))
        for question, found in zip(questions, hits, strict=False)
    }
    values = _measure({question.id: len(question.targets) for question in questions}, own)
    kinds = {question.id: question.kind for question in questions}
    by_kind: dict[str, list[float]] = defaultdict(list)
    for question_id, value in values["nDCG@10"].items():
        by_kind[kinds[question_id]].append(value)
    judged_hits = dict(zip(judged, hits[len(questions) :], strict=True))
    answered = {
        query.text: (len(query.relevant), rank_parts(found, query.relevant, None))
        for query, found in judged_hits.items()
        if query.relevant
    }
    judged_values = _measure(
        {text: count for text, (count, _) in answered.items()},
        {text: ranking for text, (_, ranking) in answered.items()},
    )
    return ModeResult(
        mode=label, measures=_means(values), by_query=values,
        by_kind={kind: sum(each) / len(each) for kind, each in sorted(by_kind.items())},
        judged=_means(judged_values),
        rejected=sum(
            any(_overlaps(hit, part) for part in query.rejected)
            for query, found in judged_hits.items()
            for hit in found[:SHOWN_DEPTH]
        ),
    )  # fmt: skip


def rank_parts(hits: Iterable[Found], parts: Sequence[Part], source: Part | None) -> list[str]:
    """Return a ranking for the measures: "answer N" for the first hit of each part, the passage id
    of other hits. Left out are further hits of a part, and hits of `source` without an answer."""
    ranking: dict[str, None] = {}
    for hit in hits:
        found = [number for number, part in enumerate(parts) if _overlaps(hit, part)]
        if found:
            ranking.update(dict.fromkeys(f"answer {number}" for number in found))
        elif source is None or not _overlaps(hit, source):
            ranking[str(hit.passage_id)] = None
    return list(ranking)[:DEPTH]


def _overlaps(hit: Found, part: Part) -> bool:
    """Whether a hit has a part of a document, at any of the places of its text."""
    return any(_is_in_part(place, part) for place in hit.locations)


def _is_in_part(place: Place, part: Part) -> bool:
    path, start, end, *folder = part
    shared = min(place.end, end) - max(place.start, start)
    shorter = max(1, min(place.end - place.start, end - start))
    if place.path != path or shared < _OVERLAP * shorter:
        return False
    return not folder or not folder[0] or place.root == folder[0]


def _parts(question: SelfQuestion) -> list[Part]:
    return [(question.path, *target, question.root) for target in question.targets]


def _source(question: SelfQuestion) -> Part | None:
    source = question.source
    return None if source is None else (question.path, *source, question.root)


def _measure(
    counts: Mapping[str, int], rankings: Mapping[str, list[str]]
) -> dict[str, dict[str, float]]:
    """Return measure → query → value, for queries with this many parts that answer each."""
    qrels = {
        query: {f"answer {number}": 1 for number in range(count)} for query, count in counts.items()
    }
    values = measure_queries(qrels, rankings)
    return {name: dict(zip(qrels, each, strict=True)) for name, each in values.items()}


def _means(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    lists = {name: list(each.values()) for name, each in values.items()}
    return mean_measures(lists) if all(lists.values()) else {}


def judged_queries(
    judgements: Iterable[Judgement],
    paths: Mapping[int, str],
    roots: Mapping[int, str] | None = None,
) -> tuple[list[JudgedQuery], int]:
    """Return the queries of a user's judgements, and how many judgements have lost their text.

    `paths`: document id → its path as hits show it. `roots`: document id → the folder that this is
    relative to; without it documents with the same path in any folder are meant.
    """
    relevant: dict[str, list[Part]] = defaultdict(list)
    rejected: dict[str, list[Part]] = defaultdict(list)
    missing = 0
    for judgement in judgements:
        path = None if judgement.document_id is None else paths.get(judgement.document_id)
        if path is None or judgement.span is None:
            missing += 1
            continue
        side = relevant if judgement.relevant else rejected
        root = (roots or {}).get(judgement.document_id or 0, "")
        side[judgement.query].append((path, *judgement.span, root))
    queries = dict.fromkeys([*relevant, *rejected])
    return [
        JudgedQuery(query, tuple(relevant[query]), tuple(rejected[query])) for query in queries
    ], missing
