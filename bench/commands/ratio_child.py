"""What `ratio` measures inside a process of one checkout: `ratio_child.py NAME FOLDER`.

Prints one number. Only the API that bac83ef has is used, but for the word index alone.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

WARM_UP, ROUNDS = 10, 50  # searches


class RandomEncoder:
    """An encoder whose tokens are words; the vector (384,) of a text follows from the text."""

    name, fingerprint, dimension, window = "random", "0" * 64, 384, 254

    def token_spans(self, text: str):
        spans = [match.span() for match in re.finditer(r"\w+", text)]
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) for text in texts]

    def encode_passages(self, texts: Sequence[str]):
        rows = np.empty((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = np.random.default_rng(crc32(text.encode())).standard_normal(384)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_queries = encode_passages


def make_collection(folder: str) -> float:
    """Index the files of FOLDER/texts with random vectors; CPU seconds."""
    from ragkit import Collection

    started = time.process_time()
    with Collection(Path(folder) / "kit", encoder=RandomEncoder()) as collection:
        collection.index(Path(folder) / "texts")
    return time.process_time() - started


def search(folder: str, mode: str) -> float:
    """Median CPU ms of a search for a question in the collection that `make_collection` made."""
    from ragkit import Collection

    questions = json.loads((Path(folder) / "questions.json").read_text())
    with Collection(Path(folder) / "kit", encoder=RandomEncoder()) as collection:
        times = []
        for number in range(WARM_UP + ROUNDS):
            started = time.process_time()
            collection.search(questions[number % len(questions)], mode=mode)
            times.append(1000 * (time.process_time() - started))
    return statistics.median(times[WARM_UP:])


def encode(folder: str) -> float:
    """CPU ms for a passage of 130 words, in fp32, after a warm-up."""
    from ragkit import Collection

    words = json.loads((Path(folder) / "words.json").read_text())
    rng = random.Random(1)
    texts = [" ".join(rng.choices(words, k=130)) for _ in range(48)]
    with Collection(Path(folder) / "encode-kit") as collection:
        encoder = collection.encoder()
        encoder.encode_passages(texts[:8])
        started = time.process_time()
        encoder.encode_passages(texts)
        return 1000 * (time.process_time() - started) / len(texts)


def word_index(folder: str) -> float:
    """CPU ms for a thousand passages that are written to a word index."""
    from ragkit.storage.lexical import index

    rows = list(_passages(folder, 5_000))
    started = time.process_time()
    index.write(Path(folder) / f"words-{time.time_ns()}", None, rows, [])
    return 1e6 * (time.process_time() - started) / len(rows)


def _passages(folder: str, count: int) -> Iterator[tuple[int, str, str]]:
    words = json.loads((Path(folder) / "words.json").read_text())
    rng = random.Random(1)
    for number in range(1, count + 1):
        start = rng.randrange(len(words) - 80)
        yield number, " ".join(words[start : start + 80]), "en"


def first_hit(folder: str) -> float:
    """Seconds until a search by keywords finds something in a collection that another process
    has begun to index."""
    from ragkit import Collection
    from ragkit.errors import RagkitError

    started = time.perf_counter()
    while time.perf_counter() - started < 120:
        try:
            with Collection(folder, create=False) as collection:
                if collection.search("note", k=1, mode="lexical"):
                    return time.perf_counter() - started
        except RagkitError:  # not there yet
            pass
        time.sleep(0.2)
    return float("inf")


def main() -> None:
    name, folder, *more = sys.argv[1:]
    functions = [make_collection, search, encode, word_index, first_hit]
    chosen = {function.__name__: function for function in functions}[name]
    print(chosen(folder, *more))


if __name__ == "__main__":
    main()
