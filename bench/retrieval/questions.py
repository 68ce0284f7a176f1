"""How well the questions of data/ are answered, by mode."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ragkit import Collection

DATA = Path(__file__).parents[2] / "data"
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text().splitlines()]


def answers(question: dict, path: str, text: str) -> bool:
    """Whether a passage holds one of the quotes that answer."""
    folded = " ".join(text.split())
    return any(path == each["path"] and each["quote"] in folded for each in question["answers"])


def row(name: str, passages: int, firsts: Iterable[int | None]) -> None:
    """One line of the table from the rank of the first right passage of each question."""
    ranks = np.array([rank or 10_000 for rank in firsts])
    recall = " | ".join(f"{np.mean(ranks <= k):.3f}" for k in (1, 3, 5, 10))
    mrr = np.mean(np.where(ranks <= 10, 1 / ranks, 0))
    print(f"| {name} | {passages:,} | {recall} | {mrr:.3f} |", flush=True)


def by_mode() -> None:
    with tempfile.TemporaryDirectory() as folder, Collection(folder) as collection:
        passages = collection.index(DATA).passages
        for mode in ("dense", "lexical", "hybrid"):
            firsts = []
            for question in QUESTIONS:
                hits = collection.search(question["question"], k=50, mode=mode)
                right = (hit.rank for hit in hits if answers(question, hit.path, hit.text))
                firsts.append(next(right, None))
            row(mode, passages, firsts)


def main() -> None:
    print("\n| mode | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |\n|---|---|---|---|---|---|---|")
    by_mode()
