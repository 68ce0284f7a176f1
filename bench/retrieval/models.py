"""Encoders side by side on labelled datasets, in all modes.

    python -m bench models
    RAGKIT_BENCH_MODELS=MODEL:FOLDER python -m bench models    these encoders
    RAGKIT_BENCH_SETS=FOLDER:FOLDER                            these sets, in BEIR's layout
    RAGKIT_BENCH_STEP=3                                        every third query
    RAGKIT_BENCH_CACHE=FOLDER       keeps the collections, so that a second run embeds only queries

nDCG@10 and MRR@10 over all passages of the collection (one for each document) of dense, lexical and
hybrid; the CPU seconds of indexing and of scoring together. Without names: the default encoder and
the encoders in shared/models, on cranfield and xquad-en.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.retrieval.weights import DEPTH, SETS, Scores, ndcg, read_scores
from ragkit.encoders.spec import DEFAULT_MODEL
from ragkit.evaluation.beir import read_dataset
from ragkit.retrieval.fusion import convex_combination

MODELS = SETS.parent / "models"


def first_ranks(scores: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Return 1 / rank of the first relevant passage of each query, 0 if it is not among the ten
    best: (queries,)."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    is_relevant = np.take_along_axis(grades, order, axis=1) > 0
    ranks = is_relevant.argmax(axis=1) + 1
    return np.where(is_relevant.any(axis=1), 1 / ranks, 0.0)


def rankings(found: Scores) -> dict[str, np.ndarray]:
    """Return mode → scores of every passage for every query, (queries, passages)."""
    cosines = found.cosines.astype(np.float64)
    hybrid = convex_combination(cosines, found.mixed, 1.0, found.weights.dense)
    return {"dense": found.cosines, "lexical": found.bm25, "hybrid": hybrid}


def default_models() -> list[str]:
    folders = sorted(MODELS.glob("*/")) if MODELS.is_dir() else []
    return [DEFAULT_MODEL, *(str(each) for each in folders if "marco" not in each.name)]


def main() -> None:
    named_models = os.environ.get("RAGKIT_BENCH_MODELS")
    models = named_models.split(os.pathsep) if named_models else default_models()
    named_sets = os.environ.get("RAGKIT_BENCH_SETS")
    folders = [Path(name) for name in named_sets.split(os.pathsep)] if named_sets else [
        SETS / name for name in ("cranfield", "xquad-en") if (SETS / name).is_dir()
    ]  # fmt: skip
    step = int(os.environ.get("RAGKIT_BENCH_STEP", "1"))
    print(
        "\n| set | encoder | queries | dense | lexical | hybrid | MRR@10 | | | "
        "weight of the cosine | CPU s |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        for folder in folders:
            dataset = read_dataset(folder)
            for model in models:
                name, started = Path(model).name, time.process_time()
                found = read_scores(dataset, cache / f"{folder.name}-{name}", model, step)
                ranked = rankings(found).values()
                gains = (f"{ndcg(scores, found.grades).mean():.3f}" for scores in ranked)
                ranks = (f"{first_ranks(scores, found.grades).mean():.3f}" for scores in ranked)
                print(
                    f"| {folder.name} | {name} | {len(found.grades)} | {' | '.join(gains)} | "
                    f"{' | '.join(ranks)} | {found.weights.dense:.2f} | "
                    f"{time.process_time() - started:.0f} |",
                    flush=True,
                )
