"""`ragkit tune` and `ragkit tune --train` on folders made from labelled sets.

    python -m bench tuning
    RAGKIT_BENCH_PARTS=cranfield    one of cranfield, xquad-en (default: both)
    RAGKIT_BENCH_DOCUMENTS=240      documents of a folder: those judged for its first questions
    RAGKIT_BENCH_CACHE=FOLDER       keeps the collections, so that an interrupted run goes on

The folder has one file for each document, with its title as a heading. Labels are used for the
last table alone: nDCG@10 of the documents of the hits, before and after each step.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from ragkit import Collection
from ragkit.evaluation import significance
from ragkit.evaluation.beir import LabelledDataset, measure_queries, read_dataset
from ragkit.records.maintenance import TuneReport

SETS = Path(__file__).parents[3] / "shared" / "data"
PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "cranfield,xquad-en").split(",")
DOCUMENTS = int(os.environ.get("RAGKIT_BENCH_DOCUMENTS", "240"))
MEASURE, DEPTH = "nDCG@10", 50


def choose_queries(dataset: LabelledDataset) -> tuple[dict[str, str], set[str]]:
    """Return the first queries whose judged documents fill a folder, and these documents' ids."""
    queries: dict[str, str] = {}
    documents: set[str] = set()
    for query_id, text in dataset.queries.items():
        if len(documents | set(dataset.qrels[query_id])) > DOCUMENTS:
            break
        queries[query_id] = text
        documents |= set(dataset.qrels[query_id])
    return queries, documents


def write_folder(dataset: LabelledDataset, ids: set[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for document in dataset.corpus():
        if document.id in ids:
            heading = f"# {document.title}\n\n" if document.title else ""
            (folder / f"{document.id}.md").write_text(f"{heading}{document.text}\n", "utf-8")


def measure(
    collection: Collection, dataset: LabelledDataset, queries: dict[str, str]
) -> dict[str, float]:
    """Return nDCG@10 of each query; a document counts at its best hit."""
    rankings = {
        query_id: list(dict.fromkeys(Path(hit.path).stem for hit in collection.search(text, DEPTH)))
        for query_id, text in queries.items()
    }
    qrels = {query_id: dataset.qrels[query_id] for query_id in queries}
    return dict(zip(queries, measure_queries(qrels, rankings)[MEASURE], strict=True))


def describe(report: TuneReport, trained: bool) -> str:
    """What a run found on the held-out questions, as one cell of a table."""
    if not trained:
        before, after = report.before, report.after
        intervals, p_values = report.intervals, report.p_values
        used, subject = report.applied, f"{dict(report.changes) or 'nothing'}"
    elif report.encoder is None:
        return "; ".join(report.not_tried) or "too few questions"
    else:
        trial = report.encoder
        before, after = trial.before, trial.after
        intervals, p_values = trial.intervals, trial.p_values
        used, subject = bool(trial.model), f"encoder, {trial.triplets:,} triplets"
    if MEASURE not in after:
        return f"{subject}, not used"
    low, high = intervals[MEASURE]
    figures = f"{before[MEASURE]:.3f} → {after[MEASURE]:.3f}, {low:+.3f} to {high:+.3f}"
    return f"{subject}: {figures}, p = {p_values[MEASURE]:.4f}, {'used' if used else 'not used'}"


def measure_set(name: str, temporary: Path) -> None:
    dataset = read_dataset(SETS / name)
    queries, documents = choose_queries(dataset)
    source = temporary / f"{name}-texts"
    write_folder(dataset, documents, source)
    with Collection(temporary / f"{name}-collection") as collection:
        collection.index(source)
        earlier = measure(collection, dataset, queries)
        for trained in (False, True):
            command = "`tune --train`" if trained else "`tune`"
            clock, seconds = time.monotonic(), sum(os.times()[:4])
            report = collection.tune(train=trained)
            minutes = (time.monotonic() - clock) / 60
            cpu_minutes = (sum(os.times()[:4]) - seconds) / 60
            now = measure(collection, dataset, queries)
            change = significance.compare(earlier, now)
            low, high = change.interval
            print(
                f"| {name}, {command} | {describe(report, trained)} "
                f"| {change.before:.3f} → {change.after:.3f}, {low:+.3f} to {high:+.3f}, "
                f"p = {change.p_value:.4f} ({len(queries)}) | {minutes:.1f} ({cpu_minutes:.1f}) |",
                flush=True,
            )
            earlier = now


def main() -> None:
    print("| folder, command | held-out self-made questions | people's | minutes (of CPU) |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        os.environ["RAGKIT_DATA_DIR"] = str(folder / "data")  # where trained models are kept
        for name in PARTS:
            measure_set(name, folder)
