"""Gain and cost of reranking: on labelled datasets beside the repository, and on the questions of
data/. `RAGKIT_RERANKER` names the cross-encoder (default: the one beside the repository)."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.retrieval.questions import DATA, QUESTIONS, is_answer
from ragkit import Collection, Settings

SHARED = Path(__file__).parents[3] / "shared"
RERANKER = os.environ.get("RAGKIT_RERANKER", str(SHARED / "models/ms-marco-MiniLM-L12-v2-int8"))
QUERY_STEP = {"cranfield": 3, "xquad-en": 40}  # every n-th query is used
MODES = ("dense", "hybrid")
BUDGETS = (0.1, 0.3, 1.0)  # seconds


def sample_dataset(dataset: Path, step: int, folder: Path) -> Path:
    """Write the same dataset with every `step`-th query to a folder of the same name."""
    part = folder / dataset.name
    (part / "qrels").mkdir(parents=True)
    (part / "corpus.jsonl").symlink_to(dataset / "corpus.jsonl")
    lines = (dataset / "queries.jsonl").read_text("utf-8").splitlines()[::step]
    (part / "queries.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    query_ids = {json.loads(line)["_id"] for line in lines}
    head, *rows = (dataset / "qrels/test.tsv").read_text("utf-8").splitlines()
    kept = [line for line in rows if line.split("\t")[0] in query_ids]
    (part / "qrels/test.tsv").write_text("\n".join([head, *kept]) + "\n", "utf-8")
    return part


def evaluate_labelled(name: str, folder: Path) -> None:
    dataset = sample_dataset(SHARED / "data" / name, QUERY_STEP[name], folder)
    for mode in MODES:
        for rerank in (False, True):
            settings = Settings(mode=mode, reranker=RERANKER)
            evaluation = Collection.evaluate_dataset(dataset, settings=settings, rerank=rerank)
            figures = " | ".join(f"{value:.3f}" for value in evaluation.measures.values())
            print(
                f"| {name}, {evaluation.queries} queries | {evaluation.mode} | {figures} | "
                f"{evaluation.ms_per_query:.0f} |",
                flush=True,
            )


def evaluate_questions() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, settings=Settings(reranker=RERANKER)) as collection,
    ):
        collection.index(DATA)
        for mode in MODES:
            for label, rerank, budget in (
                ("no reranker", False, None),
                *((f"--budget {1000 * seconds:.0f}ms", True, seconds) for seconds in BUDGETS),
                ("--rerank", True, None),
            ):
                collection.search("a first question", mode=mode, rerank=rerank)
                ranks, started = [], time.perf_counter()
                for question in QUESTIONS:
                    hits = collection.search(
                        question["question"], k=10, mode=mode, rerank=rerank, budget=budget
                    )
                    relevant = (hit.rank for hit in hits if is_answer(question, hit.path, hit.text))
                    ranks.append(next(relevant, np.inf))
                milliseconds = 1000 * (time.perf_counter() - started) / len(QUESTIONS)
                first = np.array(ranks)
                shares = " | ".join(f"{np.mean(first <= k):.3f}" for k in (1, 3, 5))
                print(
                    f"| {mode} | {label} | {np.mean(1 / first):.3f} | {shares} "
                    f"| {milliseconds:.0f} |",
                    flush=True,
                )


def main() -> None:
    print("\n| data/questions.jsonl | | MRR@10 | R@1 | R@3 | R@5 | ms |")
    print("|---|---|---|---|---|---|---|")
    evaluate_questions()
    print(
        "\n| set | system | nDCG@10 | MRR@10 | R@10 | R@100 | ms |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in QUERY_STEP:
            if (SHARED / "data" / name).is_dir():
                evaluate_labelled(name, Path(folder))
