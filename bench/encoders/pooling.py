"""Poolings and layers compared without training: Spearman correlation on STS-B dev.

`python -m bench.encoders.pooling MODEL…` measures other models than the default.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.retrieval.questions import DATA
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.pooling import parse_layers
from ragkit.learning.similarity import read_pairs, score_pairs

STSB = DATA.parent.parent / "shared" / "data" / "stsb" / "dev.jsonl"
LAYERS = {  # heading → value of --layers
    "last": "last",
    "second to last": "-2",
    "mean of last four": "mean(-4:)",
    "mean of all": "mean(1:)",
    "embeddings": "0",
}
POOLINGS = {  # (tokens, d) → (d,)
    "CLS": lambda tokens: tokens[0],
    "mean": lambda tokens: tokens.mean(axis=0),
    "max": lambda tokens: tokens.max(axis=0),
}


def pool_texts(encoder, texts):
    """(pooling, layers) → text → unit vector."""
    vectors = {(pooling, layers): {} for pooling in POOLINGS for layers in LAYERS.values()}
    for text in texts:
        states = encoder.hidden_states(text).states  # (layers + 1, tokens, d)
        for (pooling, layers), by_text in vectors.items():
            tokens = states[list(parse_layers(layers, len(states) - 1))].mean(axis=0)
            pooled = POOLINGS[pooling](tokens)
            by_text[text] = pooled / np.linalg.norm(pooled)
    return vectors


def print_table(name: str) -> None:
    encoder = resolve_model.load(name)
    pairs, _ = read_pairs(STSB)
    vectors = pool_texts(encoder, {text for pair in pairs for text in (pair.first, pair.second)})
    print(f"\n{encoder.name}, {len(pairs):,} pairs:\n")
    print(f"| tokens | {' | '.join(LAYERS)} |\n|---|{'---|' * len(LAYERS)}")
    for pooling in POOLINGS:
        cells = []
        for layers in LAYERS.values():
            by_text = vectors[pooling, layers]
            report = score_pairs(
                pairs, lambda texts, by_text=by_text: np.stack([by_text[text] for text in texts])
            )
            # In the embedding layer every [CLS] has the same vector: no correlation.
            cells.append("–" if report.spearman is None else f"{100 * report.spearman:.2f}")
        print(f"| {pooling} | {' | '.join(cells)} |", flush=True)


def main(names=(resolve_model.DEFAULT_MODEL,)) -> None:
    for name in names:
        print_table(name)


if __name__ == "__main__":
    main(sys.argv[1:] or (resolve_model.DEFAULT_MODEL,))
