"""Which tokens and which layers make a sentence's vector: Spearman on STS-B dev for poolings and
layers, without training anything. `python -m bench.encoders.pooling MODEL…`: other models."""

from __future__ import annotations

import sys

import numpy as np

from bench.retrieval.questions import DATA
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.pooling import parse_layers
from ragkit.learning.similarity import read_pairs, score_pairs

STSB = DATA.parent.parent / "shared" / "data" / "stsb" / "dev.jsonl"
SPECS = {
    "last": "last",
    "second to last": "-2",
    "mean of last four": "mean(-4:)",
    "mean of all": "mean(1:)",
    "embeddings": "0",
}
TOKENS = {
    "CLS": lambda states: states[0],
    "mean": lambda states: states.mean(axis=0),
    "max": lambda states: states.max(axis=0),
}


def table(name: str) -> None:
    encoder = resolve_model.load(name)
    pairs, _ = read_pairs(STSB)
    texts = {text for pair in pairs for text in (pair.first, pair.second)}
    vectors = {(tokens, spec): {} for tokens in TOKENS for spec in SPECS.values()}
    for text in texts:
        states = encoder.hidden_states(text).states
        for (tokens, spec), found in vectors.items():
            chosen = states[list(parse_layers(spec, len(states) - 1))].mean(axis=0)
            pooled = TOKENS[tokens](chosen)
            found[text] = pooled / np.linalg.norm(pooled)
    print(f"\n{encoder.name}, {len(pairs):,} pairs:\n")
    print(f"| tokens | {' | '.join(SPECS)} |\n|---|{'---|' * len(SPECS)}")
    for tokens in TOKENS:
        cells = []
        for spec in SPECS.values():
            found = vectors[tokens, spec]
            report = score_pairs(
                pairs, lambda asked, found=found: np.stack([found[t] for t in asked])
            )
            # Before the first layer every [CLS] has the same vector: nothing to correlate.
            cells.append("–" if report.spearman is None else f"{100 * report.spearman:.2f}")
        print(f"| {tokens} | {' | '.join(cells)} |", flush=True)


def main(names=(resolve_model.DEFAULT_MODEL,)) -> None:
    for name in names:
        table(name)


if __name__ == "__main__":
    main(sys.argv[1:] or (resolve_model.DEFAULT_MODEL,))
