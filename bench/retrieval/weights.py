"""What a fusion could reach on any labelled dataset, and what this one reaches.

    python -m bench weights
    RAGKIT_BENCH_SETS=FOLDER:FOLDER python -m bench weights      folders in BEIR's layout
    RAGKIT_BENCH_MODEL=MODEL                                     another encoder
    RAGKIT_BENCH_CACHE=FOLDER       keeps the collections, so that a second run embeds only queries

nDCG@10 over all passages of the collection (one for each document) of: dense, lexical, reciprocal
ranks, hybrid; coverage in place of BM25's share; variant A (.375 · cos ·
z / 7 + .25 · mix) and form F (g · cos / sd + 8 · mix ** 1.25), mix = (coverage + share) / 2; the
best weight of a convex combination; the best weight for each query (oracle). z is the mean of
(best cosine − mean) / standard deviation. Coverage is the share of the query's words that a passage
contains, each by its idf.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit import Collection, Settings
from ragkit.analysis.query_syntax import parse_query
from ragkit.evaluation.beir import LabelledDataset, read_dataset
from ragkit.retrieval import calibration
from ragkit.retrieval.fusion import COVERAGE_SHARE, FusionWeights, convex_combination

SETS = Path(__file__).parents[3] / "shared" / "data"
DEPTH = 10
WEIGHTS = np.arange(0, 1.01, 0.05)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of every passage for every query: arrays (queries, passages)."""

    cosines: np.ndarray
    bm25: np.ndarray
    shares: np.ndarray  # of the maximum, 0 to 1
    mixed: np.ndarray  # shares of the scores by words that the fusion uses, with coverage
    coverage: np.ndarray  # 0 to 1
    grades: np.ndarray  # relevance judgements
    vectors: np.ndarray  # (passages, d)
    weights: FusionWeights


def read_scores(
    dataset: LabelledDataset, folder: Path, model: str | None = None, step: int = 1
) -> Scores:
    """Index the rows in the collection `folder`, unless they are there, and score every passage for
    every `step`-th query."""
    settings = Settings(model=model)
    with Collection(folder, settings=settings) as collection:
        collection.index_rows(
            dataset.folder / "corpus.jsonl", dataset.corpus(), one_passage_per_row=True
        )
        encoder = collection._encoders.load_encoder()
        chosen = dict(list(dataset.queries.items())[::step])
        texts = list(chosen.values())
        queries = collection._encoders.query_vectors(encoder, texts)
        with collection._store.reading() as connection:
            lexical = collection._indexes.lexical(connection)
            rows = connection.execute(
                "SELECT passages.id, vector, record FROM passages JOIN documents "
                "ON documents.id = document_id JOIN vectors USING (hash) ORDER BY passages.id"
            ).fetchall()
            stored = calibration.load(connection, encoder.fingerprint)
    ids = [row[0] for row in rows]
    positions = {passage_id: position for position, passage_id in enumerate(ids)}
    vectors = np.stack([np.frombuffer(row[1], "<f4") for row in rows])
    shape = len(texts), len(ids)
    bm25, coverage, shares, mixed = (np.zeros(shape, dtype=np.float32) for _ in range(4))
    grades = np.zeros(shape, dtype=np.int64)
    for number, (query_id, text) in enumerate(chosen.items()):
        query = parse_query(text)
        total = lexical.plan(query).total_idf or 1.0
        for word, scores in lexical.term_scores(query, ids):
            for passage_id, score in scores.items():
                bm25[number, positions[passage_id]] += score
                coverage[number, positions[passage_id]] += word.weight * word.matched_idf / total
        shares[number] = np.minimum(1, bm25[number] / (lexical.max_bm25(query) or 1.0))
        by_words = lexical.scores(query, ids, coverage=COVERAGE_SHARE)
        for passage_id, score in by_words.items():
            mixed[number, positions[passage_id]] = score / lexical.max_bm25(query)
        judged = dataset.qrels[query_id]
        grades[number] = [judged.get(row[2], 0) for row in rows]
    weights = FusionWeights() if stored is None else stored.weights
    return Scores(queries @ vectors.T, bm25, shares, mixed, coverage, grades, vectors, weights)


def ndcg(scores: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Return nDCG@10 of each query, (queries,)."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    discounts = 1 / np.log2(np.arange(2, order.shape[1] + 2))
    gains = np.take_along_axis(grades, order, axis=1) @ discounts
    ideal = -np.sort(-grades, axis=1)[:, : order.shape[1]] @ discounts
    return gains / np.maximum(ideal, 1e-9)


def reciprocal_ranks(scores: np.ndarray) -> np.ndarray:
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1
    return 1 / (60 + ranks)


def systems(found: Scores) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each ranking and its nDCG@10 of each query."""
    cosines, shares, coverage = found.cosines, found.shares, found.coverage
    weights = found.weights
    mix = (coverage + shares) / 2
    z = (cosines.max(1) - cosines.mean(1)) / cosines.std(1)
    hybrid = convex_combination(cosines.astype(np.float64), found.mixed, 1.0, weights.dense)
    rankings = {
        "dense": cosines,
        "lexical": found.bm25,
        "rrf": reciprocal_ranks(cosines) + reciprocal_ranks(found.bm25),
        "**hybrid**": hybrid,
        "coverage": convex_combination(cosines, coverage, 1.0, weights.dense),
        "variant A": 0.375 * cosines * (z / 7)[:, None] + 0.25 * mix,
        "form F": weights.readability * cosines / weights.spread + 8 * mix**1.25,
    }
    for name, scores in rankings.items():
        yield name, ndcg(scores, found.grades)
    fixed = np.array([
        ndcg(weight * (cosines + 1) / 2 + (1 - weight) * shares, found.grades)
        for weight in WEIGHTS
    ])  # fmt: skip
    best = int(fixed.mean(axis=1).argmax())
    yield f"best weight ({WEIGHTS[best]:.2f})", fixed[best]
    yield "oracle", fixed.max(axis=0)


def main() -> None:
    named = os.environ.get("RAGKIT_BENCH_SETS")
    folders = [Path(name) for name in named.split(os.pathsep)] if named else [
        SETS / name for name in ("cranfield", "xquad-en") if (SETS / name).is_dir()
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        for folder in folders:
            model = os.environ.get("RAGKIT_BENCH_MODEL")
            found = read_scores(read_dataset(folder), cache / folder.name, model)
            cosines = found.cosines
            z = float(np.mean((cosines.max(1) - cosines.mean(1)) / cosines.std(1)))
            covered = float(np.mean(found.coverage.max(axis=1)))
            print(
                f"\n{folder.name}: {cosines.shape[1]:,} passages, {len(cosines):,} queries; "
                f"z {z:.1f}, highest coverage {covered:.2f}, spread {found.weights.spread:.3f}, "
                f"readability {found.weights.readability:.2f}, weight of the cosine "
                f"{found.weights.dense:.2f}\n\n| system | nDCG@10 |\n|---|---|",
                flush=True,
            )
            for name, values in systems(found):
                print(f"| {name} | {values.mean():.3f} |", flush=True)
