"""Retrieval quality on a labelled dataset: send every query to a search function, and measure.

There are two protocols. In `collection`, a document is split into passages as in any collection and
scored by its best passage. In `beir`, a document is one passage, title and text, truncated at the
encoder's window, as in published figures. The function that is measured is passed in: this module
does not know `Collection`, which prepares the passages (`Collection.evaluate_dataset`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from ragkit.encoders.digests import file_digest
from ragkit.errors import UsageError
from ragkit.evaluation.beir import CORPUS_FILE, LabelledDataset, compute_measures, write_run
from ragkit.passages.split import SPLITTER_VERSION
from ragkit.records.documents import Hit
from ragkit.retrieval.hits import ranking_score
from ragkit.settings import Settings

PROTOCOLS = ("collection", "beir")
SearchFunction: TypeAlias = Callable[[str], Sequence[Hit]]  # text → hits, one per document


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one evaluation: measures (means over the queries) and mean time per query in
    ms."""

    dataset: str
    mode: str  # with "+rerank" where a cross-encoder orders the hits
    protocol: str
    queries: int
    measures: dict[str, float]  # by the names in evaluation.beir.MEASURES
    ms_per_query: float


def evaluate(
    dataset: LabelledDataset,
    search: SearchFunction,
    *,
    mode: str,
    protocol: str,
    rerank: bool = False,
    run_path: str | Path | None = None,
) -> Evaluation:
    """Search for every query of `dataset` and return the measures of the rankings.

    `search` returns hits whose paths are "corpus.jsonl/DOCUMENT_ID", best first, at most one per
    document. `mode` and `protocol` are labels of the result. `rerank`: a cross-encoder orders the
    hits, so their order does not follow from one of their scores. `run_path` names a file for the
    rankings in TREC's format. Raises UsageError (the file cannot be written), UnavailableError
    (ir-measures is missing).
    """
    scores, seconds = _run_queries(search, dataset.queries)
    by_rank = {query_id: _scores_by_rank(ranking) for query_id, ranking in scores.items()}
    label = mode + "+rerank" * rerank
    if run_path is not None:
        write_run(run_path, by_rank if rerank else scores, f"ragkit-{label}")
    return Evaluation(
        dataset=dataset.folder.resolve().name,
        mode=label,
        protocol=protocol,
        queries=len(dataset.queries),
        measures=compute_measures(dataset.qrels, by_rank),
        ms_per_query=1000 * seconds / len(dataset.queries),
    )


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
    split = (settings.passage_tokens, settings.overlap) if protocol == "collection" else ()
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
        query_id: {hit.path[prefix_length:]: ranking_score(hit) for hit in ranking}
        for query_id, ranking in hits.items()
    }
    return scores, seconds


def _scores_by_rank(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the same ranking with distinct scores: trec_eval sorts equal scores by document id."""
    return {document_id: 1 / rank for rank, document_id in enumerate(scores, start=1)}
