"""Quality of dense and lexical search and of two fusions of both: on labelled datasets beside the
repository, and on the questions of data/."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench.retrieval.questions import DATA, QUESTIONS, is_answer
from ragkit import Collection, Settings

SETS = Path(__file__).parents[3] / "shared" / "data"
SYSTEMS = {
    "dense": Settings(mode="dense"),
    "lexical": Settings(mode="lexical"),
    "rrf": Settings(mode="hybrid", fusion="rrf"),
    "convex": Settings(mode="hybrid"),
}


def evaluate_labelled(name: str, protocol: str) -> None:
    for system, settings in SYSTEMS.items():
        evaluation = Collection.evaluate_dataset(SETS / name, settings=settings, protocol=protocol)
        figures = " | ".join(f"{value:.3f}" for value in evaluation.measures.values())
        print(f"| {name}, {protocol} | {system} | {figures} |", flush=True)


def evaluate_questions() -> None:
    """Print MRR@10 and R@5. A passage is relevant if it contains a quote that answers."""
    with tempfile.TemporaryDirectory() as folder, Collection(folder) as collection:
        collection.index(DATA)
        for system, settings in SYSTEMS.items():
            ranks = []
            for question in QUESTIONS:
                hits = collection.search(
                    question["question"], k=10, mode=settings.mode, fusion=settings.fusion
                )
                relevant = (hit.rank for hit in hits if is_answer(question, hit.path, hit.text))
                ranks.append(next(relevant, np.inf))
            mrr, recall = np.mean(1 / np.array(ranks)), np.mean(np.array(ranks) <= 5)
            print(f"| {system} | {mrr:.3f} | {recall:.3f} |", flush=True)


def main() -> None:
    print("\n| set | system | nDCG@10 | MRR@10 | R@10 | R@100 |\n|---|---|---|---|---|---|")
    for protocol in ("beir", "collection"):
        for name in ("cranfield", "xquad-en"):
            if (SETS / name).is_dir():
                evaluate_labelled(name, protocol)
    print("\n| data/questions.jsonl | MRR@10 | R@5 |\n|---|---|---|")
    evaluate_questions()
