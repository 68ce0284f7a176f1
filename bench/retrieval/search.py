"""Query text to hits with their text, in an open collection, by stage.

    python -m bench search          100,000 passages; RAGKIT_BENCH_PASSAGES for others

Where RAGKIT_BENCH_CACHE names a folder, the passages are paragraphs of the texts on this machine,
no two alike, and the questions openings of others (`paragraphs`). Else, and after them, those of
data/, each in many variations: some words of another put in, and its vector moved as far as
neighbours in real collections are apart; the queries are halves of two real ones each. All queries
are encoded by the real model.
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

from bench.retrieval.paragraphs import embedded
from bench.retrieval.questions import DATA, QUESTIONS
from ragkit import Collection
from ragkit.encoders import Encoder
from ragkit.evaluation.beir import CorpusDocument
from ragkit.retrieval import pipeline
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.sqlite import passages
from ragkit.storage.vectors.index import VectorIndex

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "100000"))
APART = 0.6  # length of the random part of a vector before it is made a unit again
QUERIES = 180  # of each mode


class Known:
    """The real encoder for queries; of a passage, its vector, moved `apart` from there."""

    def __init__(self, real: Encoder, vectors: np.ndarray, apart: float) -> None:
        self._real, self._vectors, self._apart = real, vectors, apart
        self._chance = np.random.default_rng(1)
        self.name, self.fingerprint = real.name, "b" * 64
        self.dimension, self.window = real.dimension, real.window
        self.count_tokens, self.token_spans = real.count_tokens, real.token_spans
        self.encode_queries = real.encode_queries

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        """A text begins with the number of its vector."""
        moved = self._vectors[[int(text.split(" ", 1)[0]) for text in texts]]
        step = self._chance.standard_normal(moved.shape)
        moved = moved + self._apart * step / np.linalg.norm(step, axis=1, keepdims=True)
        return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def passages_of_data() -> tuple[list[str], np.ndarray, Encoder]:
    with tempfile.TemporaryDirectory() as folder, Collection(folder) as collection:
        collection.index(DATA)
        with collection._store.reading() as connection:
            rows = connection.execute(
                "SELECT text, vector FROM passages JOIN vectors USING (hash) ORDER BY passages.id"
            ).fetchall()
        encoder = collection._encoders.load_encoder()
    return [row[0] for row in rows], np.stack([np.frombuffer(r[1], "<f4") for r in rows]), encoder


def queries() -> Iterator[str]:
    """Different ones: a collection remembers the vectors of those that it was asked before."""
    asked = [each["question"].replace('"', "").split() for each in QUESTIONS]
    both = [(one, other) for one in asked for other in asked if one is not other]
    random.Random(1).shuffle(both)
    for one, other in both:
        yield " ".join(one[: len(one) // 2] + other[len(other) // 2 :])


def varied(texts: Sequence[str]) -> Iterator[CorpusDocument]:
    chance = random.Random(1)
    for number in range(PASSAGES):
        words = texts[number % len(texts)].split(" ")
        other = chance.choice(texts).split(" ")
        at = chance.randrange(len(words))
        words[at : at + len(words) // 4] = other[: len(words) // 4]
        yield CorpusDocument(str(number), "", f"{number % len(texts)} {' '.join(words)}")


class Stages:
    """Seconds spent in some functions, those within another counted once."""

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


def watched(encoder: Known) -> Stages:
    stages = Stages()
    stages.watch(encoder, "encode_queries", "encode")
    stages.watch(encoder, "count_tokens", "encode")
    stages.watch(VectorIndex, "top_k", "vectors")
    stages.watch(VectorIndex, "vectors_of", "cosines")
    for name in ("top_k", "scores", "max_bm25", "is_restricted"):
        stages.watch(LexicalIndex, name, "words")
    stages.watch(passages, "existing_ids", "existing")
    stages.watch(pipeline, "build_hits", "hits")
    return stages


def measured(encoder: Known, rows: Iterator[CorpusDocument], asked: Iterator[str]) -> None:
    """Print a line for each mode."""
    stages = watched(encoder)
    columns = ("encode", "vectors", "cosines", "words", "existing", "hits")
    print(f"| mode | p50 ms | p99 ms | {' | '.join(columns)} | rest |")
    print("|---|---|---|" + "---|" * (len(columns) + 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, encoder=encoder) as collection,
    ):
        file = Path(folder, "rows.jsonl")
        file.touch()
        collection.index_rows(file, rows, whole=True)
        for mode in ("dense", "lexical", "hybrid"):
            collection.search("a first question", mode=mode)
            stages.seconds.clear()
            times = []
            for query in islice(asked, QUERIES):
                started = time.perf_counter()
                collection.search(query, k=10, mode=mode)
                times.append(1000 * (time.perf_counter() - started))
            spent = [1000 * stages.seconds[each] / len(times) for each in columns]
            rest = statistics.mean(times) - sum(spent)
            slow = statistics.quantiles(times, n=100)[98]
            figures = " | ".join(f"{each:.2f}" for each in [*spent, rest])
            print(f"| {mode} | {statistics.median(times):.1f} | {slow:.1f} | {figures} |")


def main() -> None:
    texts, vectors, real = passages_of_data()
    if cache := os.environ.get("RAGKIT_BENCH_CACHE"):
        different, theirs, questions = embedded(Path(cache), PASSAGES, real)
        print(f"\n{len(different):,} different passages, k = 10; means of the stages\n")
        rows = (CorpusDocument(str(n), "", f"{n} {text}") for n, text in enumerate(different))
        measured(Known(real, theirs, 0.0), rows, iter(questions))
    print(f"\n{PASSAGES:,} variations of {len(texts)} passages\n")
    measured(Known(real, vectors, APART), varied(texts), queries())


if __name__ == "__main__":
    main()
