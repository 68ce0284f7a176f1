"""How good retrieval is on a labelled set: the corpus indexed, every question asked, measured.

Contract: `evaluate` is the whole of it. The collection it makes is kept in the cache folder under
a name that says corpus, protocol, model and cut, so that a second run only asks. Two protocols: in
`collection` a row is cut as in any collection and scores by its best passage; in `beir` a row is
one passage, title and text, cut off at the encoder's window, which is what published figures are
taken with. Knows no command line.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit import user_dirs
from ragkit.collection import Collection
from ragkit.encoders.digests import file_digest
from ragkit.errors import UsageError
from ragkit.evaluation import beir as labelled
from ragkit.models import selection
from ragkit.passages.split import SPLITTER_VERSION
from ragkit.records.documents import Hit
from ragkit.retrieval.hits import ranking_score
from ragkit.settings import Settings

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.ingest.writer import Progress

PROTOCOLS = ("collection", "beir")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured: means over the questions, and wall time from text to hits."""

    dataset: str
    mode: str  # with +rerank where a cross-encoder had the last word
    protocol: str
    queries: int
    measures: dict[str, float]  # by the names of learning.evaluate.MEASURES
    ms_per_query: float


def evaluate(
    dataset: str | Path,
    *,
    settings: Settings | None = None,
    protocol: str = "collection",
    rerank: bool = False,
    run: str | Path | None = None,
    encoder: Encoder | None = None,
    notify: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Evaluation:
    """Measure `settings.mode` with `settings.model` on a folder in BEIR's layout.

    `rerank` as for a search. `run` names a file to write the rankings to, as TREC has them.
    `encoder` replaces the model.
    Raises UsageError (no such set, a line that cannot be read, an unknown protocol),
    UnavailableError (ir-measures is missing).
    """
    settings = settings or Settings()
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol is {protocol!r}; expected one of {', '.join(PROTOCOLS)}")
    labels = labelled.read_dataset(dataset)
    labelled.compute_measures({"": {"": 1}}, {})  # a missing package is said before the work
    if encoder is None:
        _, encoder = selection.load(selection.spec_from_settings(settings, None))
    settings = dataclasses.replace(settings, model=None)
    name = _name(labels.folder, settings, protocol, encoder.fingerprint)
    folder = user_dirs.cache() / "eval" / name
    told: list[str] = []
    with Collection(folder, settings=settings, encoder=encoder, notify=told.append) as collection:
        whole = protocol == "beir"
        file = labels.folder / labelled.CORPUS_FILE
        collection.index_rows(file, labels.corpus(), whole=whole, on_progress=on_progress)
        found, seconds = _run(collection, labels.queries, rerank)
    if told:  # of long queries, say: once, not for each
        more = f" (and {len(told) - 1:,} more notices)" if told[1:] else ""
        notify(told[0] + more)
    mode = settings.mode + "+rerank" * rerank
    by_rank = {query: _by_rank(scores) for query, scores in found.items()}
    if run is not None:  # what a reranker says is only a part of what orders them
        labelled.write_run(run, by_rank if rerank else found, f"ragkit-{mode}")
    return Evaluation(
        dataset=labels.folder.resolve().name,
        mode=mode,
        protocol=protocol,
        queries=len(labels.queries),
        measures=labelled.compute_measures(labels.qrels, by_rank),
        ms_per_query=1000 * seconds / len(labels.queries),
    )


def _run(
    collection: Collection, queries: Mapping[str, str], rerank: bool
) -> tuple[dict[str, dict[str, float]], float]:
    """Query id → document id → score of its best passage, best first; and the seconds it took."""
    collection.search("a first question", rerank=rerank)  # now all is loaded
    began = time.perf_counter()
    rankings: dict[str, list[Hit]] = {}
    for query, text in queries.items():
        rankings[query] = []
        if text.strip():
            rankings[query] = collection.search(
                text, k=labelled.DEPTH, per_document=1, rerank=rerank
            )
    seconds = time.perf_counter() - began
    prefix = len(labelled.CORPUS_FILE) + 1
    found = {
        query: {hit.path[prefix:]: ranking_score(hit) for hit in hits}
        for query, hits in rankings.items()
    }
    return found, seconds


def _by_rank(scores: dict[str, float]) -> dict[str, float]:
    """The same ranking by scores of which no two are equal: trec_eval has its own idea of ties."""
    return {document: 1 / rank for rank, document in enumerate(scores, start=1)}


def _name(folder: Path, settings: Settings, protocol: str, fingerprint: str) -> str:
    """A folder's name for all that decides what the collection holds."""
    cut = (settings.passage_tokens, settings.overlap) if protocol == "collection" else ()
    what = (
        file_digest(folder / labelled.CORPUS_FILE),
        protocol,
        fingerprint,
        SPLITTER_VERSION,
        cut,
    )
    return f"{folder.resolve().name[:40]}-{blake2b(repr(what).encode(), digest_size=8).hexdigest()}"
