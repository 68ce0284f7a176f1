"""What a reranker gains and costs: on labelled sets beside the repository, and on the questions of
data/. `RAGKIT_RERANKER` names the cross-encoder (default: that beside the repository)."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.retrieval.questions import DATA, QUESTIONS, answers
from ragkit import Collection, Settings

SHARED = Path(__file__).parents[3] / "shared"
RERANKER = os.environ.get("RAGKIT_RERANKER", str(SHARED / "models/ms-marco-MiniLM-L12-v2-int8"))
EVERY = {"cranfield": 3, "xquad-en": 40}  # of so many queries one is asked: some seconds each
MODES = ("dense", "hybrid")
BUDGETS = (0.1, 0.3, 1.0)  # seconds


def part_of(dataset: Path, every: int, folder: Path) -> Path:
    """The same set with one of so many queries, under its own name."""
    part = folder / dataset.name
    (part / "qrels").mkdir(parents=True)
    (part / "corpus.jsonl").symlink_to(dataset / "corpus.jsonl")
    lines = (dataset / "queries.jsonl").read_text("utf-8").splitlines()[::every]
    (part / "queries.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    asked = {json.loads(line)["_id"] for line in lines}
    head, *judged = (dataset / "qrels/test.tsv").read_text("utf-8").splitlines()
    kept = [line for line in judged if line.split("\t")[0] in asked]
    (part / "qrels/test.tsv").write_text("\n".join([head, *kept]) + "\n", "utf-8")
    return part


def labelled(name: str, folder: Path) -> None:
    dataset = part_of(SHARED / "data" / name, EVERY[name], folder)
    for mode in MODES:
        for rerank in (False, True):
            settings = Settings(mode=mode, reranker=RERANKER)
            found = Collection.evaluate_dataset(dataset, settings=settings, rerank=rerank)
            figures = " | ".join(f"{value:.3f}" for value in found.measures.values())
            print(
                f"| {name}, {found.queries} queries | {found.mode} | {figures} | "
                f"{found.ms_per_query:.0f} |",
                flush=True,
            )


def questions() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, settings=Settings(reranker=RERANKER)) as collection,
    ):
        collection.index(DATA)
        for mode in MODES:
            for label, rerank, budget in (
                ("no reranker", False, None),
                *((f"--budget {1000 * each:.0f}ms", True, each) for each in BUDGETS),
                ("--rerank", True, None),
            ):
                collection.search("a first question", mode=mode, rerank=rerank)
                ranks, began = [], time.perf_counter()
                for question in QUESTIONS:
                    hits = collection.search(
                        question["question"], k=10, mode=mode, rerank=rerank, budget=budget
                    )
                    right = (hit.rank for hit in hits if answers(question, hit.path, hit.text))
                    ranks.append(next(right, np.inf))
                each = 1000 * (time.perf_counter() - began) / len(QUESTIONS)
                first = np.array(ranks)
                shares = " | ".join(f"{np.mean(first <= k):.3f}" for k in (1, 3, 5))
                print(
                    f"| {mode} | {label} | {np.mean(1 / first):.3f} | {shares} | {each:.0f} |",
                    flush=True,
                )


def main() -> None:
    print("\n| data/questions.jsonl | | MRR@10 | R@1 | R@3 | R@5 | ms |")
    print("|---|---|---|---|---|---|---|")
    questions()
    print(
        "\n| set | system | nDCG@10 | MRR@10 | R@10 | R@100 | ms |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in EVERY:
            if (SHARED / "data" / name).is_dir():
                labelled(name, Path(folder))
