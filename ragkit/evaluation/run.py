"""Retrieval quality on a labelled dataset: send every query to a search function, and measure.

There are two protocols. In `collection`, a document is split into passages as in any collection and
scored by its best passage. In `beir`, a document is one passage, title and text, truncated at the
encoder's window, and a query does not find the document that has its own id, as in published
figures. The function that is measured is passed in: this module
does not know `Collection`, which prepares the passages (`Collection.evaluate_dataset`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from ragkit.encoders.digests import file_digest
from ragkit.errors import UsageError
from ragkit.evaluation.beir import (
    CORPUS_FILE,
    DEPTH,
    LabelledDataset,
    Run,
    mean_measures,
    measure_queries,
    write_run,
)
from ragkit.passages.split import SPLITTER_VERSION
from ragkit.records.hits import Hit
from ragkit.retrieval.hits import ranking_score
from ragkit.settings import Settings

PROTOCOLS = ("collection", "beir")
SearchFunction: TypeAlias = Callable[[str], Sequence[Hit]]  # text → hits, one per document


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one evaluation: measures (means over the queries), what is behind them, and the
    mean time per query in ms."""

    dataset: str
    mode: str  # with "+rerank" where a cross-encoder orders the hits
    protocol: str
    queries: int
    measures: dict[str, float]  # by the names in evaluation.beir.MEASURES
    ms_per_query: float
    # Measure → query id → value.
    by_query: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    rankings: Run = field(default_factory=dict, repr=False)
    gaps: tuple[str, ...] = ()  # what the dataset has too much or too little of

    def write_run(self, path: str | Path) -> None:
        """Write the rankings as a TREC run. Raises UsageError where the file cannot be written."""
        write_run(path, self.rankings, f"ragkit-{self.mode}")


def evaluate(
    dataset: LabelledDataset,
    search: SearchFunction,
    *,
    mode: str,
    protocol: str,
    rerank: bool = False,
) -> Evaluation:
    """Search for every query of `dataset` and return the measures of the rankings.

    `search` returns hits whose paths are "corpus.jsonl/DOCUMENT_ID", best first, at most one per
    document, `search_depth(protocol)` of them. `mode` and `protocol` are labels of the result.
    `rerank`: a cross-encoder orders the hits, so their order does not follow from one of their
    scores. Raises UnavailableError where ir-measures is missing.
    """
    scores, seconds = _run_queries(search, dataset.queries)
    if protocol == "beir":
        scores = {query: _without_itself(query, ranking) for query, ranking in scores.items()}
    values = measure_queries(dataset.qrels, {query: list(found) for query, found in scores.items()})
    return Evaluation(
        dataset=dataset.folder.resolve().name,
        mode=mode + "+rerank" * rerank,
        protocol=protocol,
        queries=len(dataset.queries),
        measures=mean_measures(values),
        ms_per_query=1000 * seconds / len(dataset.queries),
        by_query={
            name: dict(zip(dataset.qrels, each, strict=True)) for name, each in values.items()
        },
        rankings={query: _scores_by_rank(found) for query, found in scores.items()}
        if rerank
        else scores,
        gaps=tuple(dataset.gap_lines()),
    )


def search_depth(protocol: str) -> int:
    """Return how many documents to search for: one more where a query's own one is left out."""
    return DEPTH + (protocol == "beir")


def _without_itself(query_id: str, ranking: Mapping[str, float]) -> dict[str, float]:
    kept = {name: score for name, score in ranking.items() if name != query_id}
    return dict(list(kept.items())[:DEPTH])


def check_protocol(protocol: str) -> None:
    """Raise UsageError for an unknown protocol."""
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol is {protocol!r}; expected one of {', '.join(PROTOCOLS)}")


def collection_name(
    dataset: LabelledDataset, settings: Settings, protocol: str, fingerprint: str
) -> str:
    """Return a folder name that identifies the passages and vectors of a dataset's collection.

    It covers the corpus, the protocol, the encoder (`fingerprint`) and how documents are split.
    """
    split: tuple[float | str, ...] = ()
    if protocol == "collection":
        split = (settings.passage_tokens, settings.overlap)
        split += () if settings.passage_header else ("no headers",)
    corpus = file_digest(dataset.folder / CORPUS_FILE)
    content = (corpus, protocol, fingerprint, SPLITTER_VERSION, split)
    digest = blake2b(repr(content).encode(), digest_size=8).hexdigest()
    return f"{dataset.folder.resolve().name[:40]}-{digest}"


def _run_queries(
    search: SearchFunction, queries: Mapping[str, str]
) -> tuple[dict[str, dict[str, float]], float]:
    """Return query id → document id → score of its best passage, best first; and the seconds that
    all queries took."""
    search("a first query")  # loads everything before the clock starts
    started = time.perf_counter()
    hits = {query_id: search(text) if text.strip() else [] for query_id, text in queries.items()}
    seconds = time.perf_counter() - started
    prefix_length = len(CORPUS_FILE) + 1
    scores = {
        query_id: {
            place.path[prefix_length:]: ranking_score(hit)
            for hit in ranking
            for place in hit.locations
        }
        for query_id, ranking in hits.items()
    }
    return scores, seconds


def _scores_by_rank(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the same ranking with distinct scores: trec_eval sorts equal scores by document id."""
    return {document_id: 1 / rank for rank, document_id in enumerate(scores, start=1)}
