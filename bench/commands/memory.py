"""Peak memory of indexing as the folder grows: the whole of `ragkit index`, then everything but
the encoder, whose place random vectors take, on more files than the encoder has time for."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.commands.ingest import make
from bench.process import measure, ragkit


class RandomEncoder:
    """Words as tokens, random unit vectors of the default model's size."""

    name, fingerprint, dimension, window = "random", "0" * 64, 384, 254

    def token_spans(self, text: str):
        spans = [match.span() for match in re.finditer(r"\w+", text)]
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) for text in texts]

    def encode_passages(self, texts: Sequence[str]):
        rows = np.random.default_rng(1).standard_normal((len(texts), 384)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_queries = encode_passages


def index_without_encoder(folder: str, kit: str) -> None:
    """What the child process of the second table does."""
    from ragkit import Collection

    with Collection(kit, encoder=RandomEncoder()) as collection:
        collection.index(folder)


def table(sizes: Sequence[int], command) -> None:
    print("\n| passages | wall s | peak MB | database MB |\n|---|---|---|---|")
    for passages in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder, kit = Path(name) / "notes", Path(name) / "kit"
            make(folder, passages)
            run = measure(command(str(folder), str(kit)))
            size = (kit / "ragkit.db").stat().st_size / 1e6
            print(f"| {passages:,} | {run.wall:.1f} | {run.peak:.0f} | {size:.1f} |", flush=True)


def main() -> None:
    table((100, 1_000, 10_000), lambda folder, kit: ragkit("-c", kit, "index", folder))
    print("\nEverything but the encoder:")
    child = (
        "import sys; from bench.commands.memory import index_without_encoder as run; "
        "run(*sys.argv[1:])"
    )
    table(
        (1_000, 10_000, 30_000, 60_000),
        lambda folder, kit: [sys.executable, "-c", child, folder, kit],
    )
