"""Tokens a second in bulk: our NumPy engine, sentence-transformers as it comes, and the same with
our batches. Interleaved rounds, medians."""

from __future__ import annotations

import statistics
import time

from bench.questions import DATA
from ragkit.documents import read
from ragkit.encoders import models, recipe
from ragkit.encoders.engines import NumpyEngine, TorchEngine
from ragkit.encoders.tokens import Tokens
from ragkit.passages import split

ROUNDS = 5


def main() -> None:
    from sentence_transformers import SentenceTransformer

    encoder = models.load()
    made = recipe.read(models.resolve(models.DEFAULT_MODEL).path, models.DEFAULT_MODEL)
    tokens = Tokens(made.transformer / "tokenizer.json", made.max_length)
    paths = sorted(DATA.rglob("*.html"))[:8]
    documents = [read(path.read_bytes(), path.name) for path in paths]
    texts = [each.text for document in documents for each in split(document, encoder)][:160]
    total = sum(encoder.count_tokens(texts))
    plain = SentenceTransformer(str(made.folder), device="cpu")
    numpy_engine, torch_engine = NumpyEngine(made, tokens), TorchEngine(made, tokens)
    engines = {
        "sentence-transformers `encode`": lambda: plain.encode(texts, show_progress_bar=False),
        "the same, our batches": lambda: torch_engine.encode(texts, ""),
        "NumPy": lambda: numpy_engine.encode(texts, ""),
    }
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(ROUNDS + 1):
        for name, encode in engines.items():
            started = time.perf_counter()
            encode()
            if number:  # the first round warms up
                speeds[name].append(total / (time.perf_counter() - started))
    base = statistics.median(speeds["sentence-transformers `encode`"])
    print(f"\n{len(texts)} passages of {total / len(texts):.0f} tokens on average.\n")
    print("| engine | tokens/s | × |\n|---|---|---|")
    for name, found in speeds.items():
        print(
            f"| {name} | {statistics.median(found):,.0f} | {statistics.median(found) / base:.2f} |"
        )
