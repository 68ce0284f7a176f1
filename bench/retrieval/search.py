"""Time of a search in an open collection, from the query text to hits with their text, by stage.

    python -m bench search          100,000 passages, or RAGKIT_BENCH_PASSAGES

If RAGKIT_BENCH_CACHE names a folder, the first table is for distinct paragraphs of texts installed
on the machine, with the beginnings of other paragraphs as queries (`paragraphs`). The second table
is for the passages of data/ in many variations: some words are replaced by those of another
passage, and the vector is moved by the distance of neighbors in real collections; a query consists
of halves of two questions. All queries are encoded by the real model.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.retrieval.paragraphs import load_paragraphs
from bench.retrieval.questions import DATA, QUESTIONS
from ragkit import Collection
from ragkit.encoders import Encoder
from ragkit.evaluation.beir import CorpusDocument
from ragkit.retrieval import pipeline
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.sqlite import passages
from ragkit.storage.vectors.index import VectorIndex

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "100000"))
NOISE_LENGTH = 0.6  # length of the random part of a vector before normalization
QUERIES = 180  # per mode


class StoredVectorEncoder:
    """Encodes queries with the real encoder. A passage's vector is a stored one plus random noise
    of length `noise_length`."""

    def __init__(self, real: Encoder, vectors: np.ndarray, noise_length: float) -> None:
        self._real, self._vectors, self._noise_length = real, vectors, noise_length
        self._rng = np.random.default_rng(1)
        self.name, self.fingerprint = real.name, "b" * 64
        self.dimension, self.window = real.dimension, real.window
        self.count_tokens, self.token_spans = real.count_tokens, real.token_spans
        self.encode_queries = real.encode_queries

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, d) float32 unit rows. A text begins with the number of its stored vector."""
        moved = self._vectors[[int(text.split(" ", 1)[0]) for text in texts]]
        step = self._rng.standard_normal(moved.shape)
        moved = moved + self._noise_length * step / np.linalg.norm(step, axis=1, keepdims=True)
        return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def read_data_passages() -> tuple[list[str], np.ndarray, Encoder]:
    with tempfile.TemporaryDirectory() as folder, Collection(folder) as collection:
        collection.index(DATA)
        with collection._store.reading() as connection:
            rows = connection.execute(
                "SELECT text, vector FROM passages JOIN vectors USING (hash) ORDER BY passages.id"
            ).fetchall()
        encoder = collection._encoders.load_encoder()
    return [row[0] for row in rows], np.stack([np.frombuffer(r[1], "<f4") for r in rows]), encoder


def generate_queries() -> Iterator[str]:
    """Yield distinct queries, because a collection caches the vectors of earlier ones."""
    queries = [question["question"].replace('"', "").split() for question in QUESTIONS]
    pairs = [(one, other) for one in queries for other in queries if one is not other]
    random.Random(1).shuffle(pairs)
    for one, other in pairs:
        yield " ".join(one[: len(one) // 2] + other[len(other) // 2 :])


def vary_passages(texts: Sequence[str], count: int = PASSAGES) -> Iterator[CorpusDocument]:
    rng = random.Random(1)
    for number in range(count):
        words = texts[number % len(texts)].split(" ")
        other = rng.choice(texts).split(" ")
        at = rng.randrange(len(words))
        words[at : at + len(words) // 4] = other[: len(words) // 4]
        yield CorpusDocument(str(number), "", f"{number % len(texts)} {' '.join(words)}")


class Stages:
    """Seconds spent in the timed functions; calls within another timed function count once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = False

    def watch(self, owner: Any, name: str, stage: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return inner(*arguments, **named)
            self._inside, started = True, time.perf_counter()
            try:
                return inner(*arguments, **named)
            finally:
                self._inside = False
                self.seconds[stage] += time.perf_counter() - started

        setattr(owner, name, timed)


def time_stages(encoder: StoredVectorEncoder) -> Stages:
    stages = Stages()
    stages.watch(encoder, "encode_queries", "encode")
    stages.watch(encoder, "count_tokens", "encode")
    stages.watch(VectorIndex, "top_k", "vectors")
    stages.watch(VectorIndex, "vectors_of", "cosines")
    for name in ("top_k", "scores", "max_bm25", "is_restricted"):
        stages.watch(LexicalIndex, name, "lexical")
    stages.watch(passages, "existing_ids", "existing")
    stages.watch(pipeline, "build_hits", "hits")
    return stages


def measure_modes(
    encoder: StoredVectorEncoder, rows: Iterator[CorpusDocument], queries: Iterator[str]
) -> None:
    """Print one row for each mode."""
    stages = time_stages(encoder)
    columns = ("encode", "vectors", "cosines", "lexical", "existing", "hits")
    print(f"| mode | p50 ms | p99 ms | {' | '.join(columns)} | rest |")
    print("|---|---|---|" + "---|" * (len(columns) + 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, encoder=encoder) as collection,
    ):
        file = Path(folder, "rows.jsonl")
        file.touch()
        collection.index_rows(file, rows, one_passage_per_row=True)
        for mode in ("dense", "lexical", "hybrid"):
            collection.search("a first question", mode=mode)
            stages.seconds.clear()
            times = []
            for query in islice(queries, QUERIES):
                started = time.perf_counter()
                collection.search(query, k=10, mode=mode)
                times.append(1000 * (time.perf_counter() - started))
            spent = [1000 * stages.seconds[stage] / len(times) for stage in columns]
            rest = statistics.mean(times) - sum(spent)
            p99 = statistics.quantiles(times, n=100)[98]
            figures = " | ".join(f"{value:.2f}" for value in [*spent, rest])
            print(f"| {mode} | {statistics.median(times):.1f} | {p99:.1f} | {figures} |")


def main() -> None:
    texts, vectors, real = read_data_passages()
    if cache := os.environ.get("RAGKIT_BENCH_CACHE"):
        paragraphs, paragraph_vectors, questions = load_paragraphs(Path(cache), PASSAGES, real)
        print(f"\n{len(paragraphs):,} distinct passages, k = 10; means of the stages\n")
        rows = (CorpusDocument(str(n), "", f"{n} {text}") for n, text in enumerate(paragraphs))
        measure_modes(StoredVectorEncoder(real, paragraph_vectors, 0.0), rows, iter(questions))
    print(f"\n{PASSAGES:,} variations of {len(texts)} passages\n")
    measure_modes(
        StoredVectorEncoder(real, vectors, NOISE_LENGTH), vary_passages(texts), generate_queries()
    )


if __name__ == "__main__":
    main()
