"""Retrieval quality on the questions of data/, by search mode."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ragkit import Collection

DATA = Path(__file__).parents[2] / "data"
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text().splitlines()]


def is_answer(question: dict, path: str, text: str) -> bool:
    """Return whether a passage contains one of the quotes that answer the question."""
    normalized = " ".join(text.split())
    return any(
        path == answer["path"] and answer["quote"] in normalized for answer in question["answers"]
    )


def print_row(name: str, passages: int, first_ranks: Iterable[int | None]) -> None:
    """Print one row of the table. `first_ranks`: for each question the rank of the first relevant
    passage, or None."""
    ranks = np.array([rank or 10_000 for rank in first_ranks])
    recall = " | ".join(f"{np.mean(ranks <= k):.3f}" for k in (1, 3, 5, 10))
    mrr = np.mean(np.where(ranks <= 10, 1 / ranks, 0))
    print(f"| {name} | {passages:,} | {recall} | {mrr:.3f} |", flush=True)


def print_modes() -> None:
    with tempfile.TemporaryDirectory() as folder, Collection(folder) as collection:
        passages = collection.index(DATA).passages
        for mode in ("dense", "lexical", "hybrid"):
            first_ranks = []
            for question in QUESTIONS:
                hits = collection.search(question["question"], k=50, mode=mode)
                ranks = (hit.rank for hit in hits if is_answer(question, hit.path, hit.text))
                first_ranks.append(next(ranks, None))
            print_row(mode, passages, first_ranks)


def main() -> None:
    print("\n| mode | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |\n|---|---|---|---|---|---|---|")
    print_modes()
