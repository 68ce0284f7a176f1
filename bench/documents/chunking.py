"""Retrieval quality by the size, overlap and header of passages, on data/ and labelled datasets.

The labelled datasets are BEIR folders beside the repository (`shared/data`); without them only
data/ is measured. Vectors are cached by the hash of their text during a run, and between runs in
the file that `RAGKIT_BENCH_VECTORS` names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.retrieval.questions import DATA, QUESTIONS, is_answer, print_row
from ragkit.documents.read import read
from ragkit.encoders import Encoder
from ragkit.encoders import resolve as resolve_model
from ragkit.ingest.scan import ScannedFile, scan
from ragkit.passages.split import split_document
from ragkit.records.documents import Document, Passage
from ragkit.records.text import embedded_text

Variants = tuple[tuple[int, float, tuple[str, ...]], ...]  # size, overlap, headers

SHARED = DATA.parent.parent / "shared" / "data"
DATA_VARIANTS = (
    (240, 0.15, ("own", "path", "title", "none")),
    (240, 0.0, ("own",)), (240, 0.1, ("own",)), (240, 0.2, ("own",)),
    (96, 0.15, ("own",)), (128, 0.15, ("own",)), (160, 0.15, ("own",)), (200, 0.15, ("own",)),
    (254, 0.15, ("own",)),
)  # fmt: skip
LABELLED_VARIANTS = (  # these documents are short and have no headings
    (240, 0.15, ("own", "none")), (240, 0.0, ("own",)), (128, 0.15, ("own",)),
)  # fmt: skip
_QUERIES = 30  # per labelled dataset
_OTHERS = 60  # documents of a labelled dataset that are relevant to none of the queries


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Documents by name, questions, and a predicate: (question number, document name, passage text)
    → whether the passage answers the question."""

    name: str
    documents: dict[str, Document]
    questions: list[str]
    is_relevant: Callable[[int, str, str], bool]


class VectorCache:
    """Embeds each text once."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.file = Path(os.environ.get("RAGKIT_BENCH_VECTORS", os.devnull))
        self.cached: dict[str, np.ndarray] = {}
        if self.file.is_file():
            with np.load(self.file) as stored:
                self.cached = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        keys = [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self.cached}
        if new:
            rows = self.encoder.encode_passages(list(new.values()))
            self.cached.update(zip(new, rows, strict=True))
        return np.stack([self.cached[key] for key in keys])

    def save(self) -> None:
        if self.file.suffix == ".npz":
            np.savez(
                self.file, keys=np.array([*self.cached]), rows=np.stack([*self.cached.values()])
            )


def read_data() -> LabelledSet:
    """Return the documents of data/ and their questions. Passages that contain a quote answer."""
    paths = [entry.path for entry in scan(DATA) if isinstance(entry, ScannedFile)]
    return LabelledSet(
        "data",
        {path: read((DATA / path).read_bytes(), path) for path in paths},
        [question["question"] for question in QUESTIONS],
        lambda number, path, text: is_answer(QUESTIONS[number], path, text),
    )


def read_labelled(name: str) -> LabelledSet:
    """Return some queries of a BEIR folder, the documents that are relevant to them and some
    others. All passages of a relevant document answer."""
    folder = SHARED / name
    relevant: dict[str, set[str]] = {}
    for query_scores in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, score = query_scores.split("\t")
        if int(score) > 0:
            relevant.setdefault(query, set()).add(document)
    queries = [query for query in _rows(folder / "queries.jsonl") if query["_id"] in relevant]
    step = max(1, len(queries) // _QUERIES)
    sampled = queries[::step][:_QUERIES]
    document_ids = set().union(*(relevant[query["_id"]] for query in sampled))
    corpus = _rows(folder / "corpus.jsonl")
    others = [entry["_id"] for entry in corpus if entry["_id"] not in document_ids]
    document_ids.update(others[:: max(1, len(others) // _OTHERS)])
    return LabelledSet(
        name,
        {
            entry["_id"]: Document(entry["text"], "text/plain", title=entry["title"] or None)
            for entry in corpus
            if entry["_id"] in document_ids
        },
        [query["text"] for query in sampled],
        lambda number, document, text: document in relevant[sampled[number]["_id"]],
    )


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(query_scores) for query_scores in file.read_text().splitlines()]


def header(kind: str, document: Document, passage: Passage) -> str:
    """Return the header of a passage: title and innermost heading ("own"), title and all headings
    ("path"), the title ("title") or nothing ("none")."""
    title = document.title or ""
    path = [name for name in passage.heading if name.casefold() != title.casefold()]
    full = " › ".join(filter(None, (title, *path)))
    return {"own": passage.header, "path": full, "title": title, "none": ""}[kind]


def first_relevant_ranks(
    passages: Sequence[tuple[str, Passage]], scores: np.ndarray, read_labelled: LabelledSet
) -> Iterable[int | None]:
    """Yield for each question the rank of the first passage that answers it, or None."""
    for number, query_scores in enumerate(scores):
        order = np.argsort(-query_scores, kind="stable")[:200]
        pairs = ((passages[position][0], passages[position][1].text) for position in order)
        ranks = (
            rank
            for rank, (name, text) in enumerate(pairs, 1)
            if read_labelled.is_relevant(number, name, text)
        )
        yield next(ranks, None)


def measure(read_labelled: LabelledSet, vectors: VectorCache, variants: Variants) -> None:
    queries = vectors.encoder.encode_queries(read_labelled.questions)
    for size, overlap, kinds in variants:
        passages = [
            (name, passage)
            for name, document in read_labelled.documents.items()
            for passage in split_document(document, vectors.encoder, size=size, overlap=overlap)
        ]
        for kind in kinds:
            texts = [
                embedded_text(header(kind, read_labelled.documents[name], passage), passage.text)
                for name, passage in passages
            ]
            scores = queries @ vectors.encode(texts).T
            name = f"{read_labelled.name}: {size}, {overlap}, {kind}"
            print_row(name, len(passages), first_relevant_ranks(passages, scores, read_labelled))
    vectors.save()


def main() -> None:
    vectors = VectorCache(resolve_model.load())
    print("\n| set: size, overlap, header | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |")
    print("|---|---|---|---|---|---|---|")
    measure(read_data(), vectors, DATA_VARIANTS)
    for name in ("cranfield", "xquad-en"):
        if (SHARED / name).is_dir():
            measure(read_labelled(name), vectors, LABELLED_VARIANTS)
