"""How well the questions of data/ are answered: by mode, and by how documents are cut."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ragkit import Collection
from ragkit.documents import read
from ragkit.documents.folder import Found, scan
from ragkit.encoders import models
from ragkit.passages import embedded_text, split
from ragkit.records import Document, Passage

DATA = Path(__file__).parent.parent / "data"
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


def full(document: Document, passage: Passage) -> str:
    return embedded_text(passage.header, passage.text)


def title(document: Document, passage: Passage) -> str:
    return embedded_text(document.title or "", passage.text)


def none(document: Document, passage: Passage) -> str:
    return passage.text


def by_cut() -> None:
    encoder = models.load()
    found = [entry.path for entry in scan(DATA) if isinstance(entry, Found)]
    documents = {path: read((DATA / path).read_bytes(), path) for path in found}
    queries = encoder.encode_queries([question["question"] for question in QUESTIONS])
    header: Callable[[Document, Passage], str]
    for size, overlap, header in (
        (200, 0.1, full), (200, 0.1, title), (200, 0.1, none), (200, 0.0, full),
        (200, 0.2, full), (128, 0.1, full), (160, 0.1, full), (250, 0.1, full),
    ):  # fmt: skip
        cuts = [
            (path, passage)
            for path, document in documents.items()
            for passage in split(document, encoder, size=size, overlap=overlap)
        ]
        texts = [header(documents[path], passage) for path, passage in cuts]
        scores = queries @ encoder.encode_passages(texts).T
        firsts = []
        for question, line in zip(QUESTIONS, scores, strict=True):
            order = np.argsort(-line, kind="stable")[:200]
            right = (
                rank
                for rank, place in enumerate(order, 1)
                if answers(question, cuts[place][0], cuts[place][1].text)
            )
            firsts.append(next(right, None))
        row(f"{size}, {overlap}, {header.__name__}", len(cuts), firsts)


def main() -> None:
    print("\n| mode | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |\n|---|---|---|---|---|---|---|")
    by_mode()
    print("\n| size, overlap, header | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |")
    print("|---|---|---|---|---|---|---|")
    by_cut()
