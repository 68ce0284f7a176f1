"""How passages are cut, measured: size, overlap and header, on data/ and on labelled sets.

The labelled sets are BEIR folders beside the repository (`shared/data`); without them only data/
is measured. Vectors are kept by the hash of their text for the time of a run, and in the file
that `RAGKIT_BENCH_VECTORS` names, if any, between runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.retrieval.questions import DATA, QUESTIONS, answers, row
from ragkit.documents.read import read
from ragkit.encoders import Encoder
from ragkit.encoders import resolve as resolve_model
from ragkit.ingest.scan import ScannedFile, scan
from ragkit.passages.split import split_document
from ragkit.records.documents import Document, Passage, embedded_text

Ways = tuple[tuple[int, float, tuple[str, ...]], ...]  # size, overlap, headers

SHARED = DATA.parent.parent / "shared" / "data"
CUTS = (
    (240, 0.15, ("own", "path", "title", "none")),
    (240, 0.0, ("own",)), (240, 0.1, ("own",)), (240, 0.2, ("own",)),
    (96, 0.15, ("own",)), (128, 0.15, ("own",)), (160, 0.15, ("own",)), (200, 0.15, ("own",)),
    (254, 0.15, ("own",)),
)  # fmt: skip
SHORT = (  # for short documents without headings
    (240, 0.15, ("own", "none")), (240, 0.0, ("own",)), (128, 0.15, ("own",)),
)  # fmt: skip
_QUERIES = 30  # of each labelled set
_OTHERS = 60  # documents of a labelled set that answer none of them


@dataclass(frozen=True, slots=True)
class Labelled:
    """Documents by name, questions, and whether a passage answers the question of a number."""

    name: str
    documents: dict[str, Document]
    questions: list[str]
    right: Callable[[int, str, str], bool]


class Vectors:
    """Passages embedded once each."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.file = Path(os.environ.get("RAGKIT_BENCH_VECTORS", os.devnull))
        self.known: dict[str, np.ndarray] = {}
        if self.file.is_file():
            with np.load(self.file) as stored:
                self.known = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))

    def of(self, texts: Sequence[str]) -> np.ndarray:
        keys = [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self.known}
        if new:
            rows = self.encoder.encode_passages(list(new.values()))
            self.known.update(zip(new, rows, strict=True))
        return np.stack([self.known[key] for key in keys])

    def keep(self) -> None:
        if self.file.suffix == ".npz":
            np.savez(self.file, keys=np.array([*self.known]), rows=np.stack([*self.known.values()]))


def own() -> Labelled:
    """The documents of data/ with their questions: a passage answers that holds a quote."""
    found = [entry.path for entry in scan(DATA) if isinstance(entry, ScannedFile)]
    return Labelled(
        "data",
        {path: read((DATA / path).read_bytes(), path) for path in found},
        [question["question"] for question in QUESTIONS],
        lambda number, path, text: answers(QUESTIONS[number], path, text),
    )


def labelled(name: str) -> Labelled:
    """Some queries of a BEIR folder, the documents that answer them and as many others: a
    passage answers that is of a right document."""
    folder = SHARED / name
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            relevant.setdefault(query, set()).add(document)
    queries = [query for query in _rows(folder / "queries.jsonl") if query["_id"] in relevant]
    step = max(1, len(queries) // _QUERIES)
    asked = queries[::step][:_QUERIES]
    wanted = set().union(*(relevant[query["_id"]] for query in asked))
    corpus = _rows(folder / "corpus.jsonl")
    others = [entry["_id"] for entry in corpus if entry["_id"] not in wanted]
    wanted.update(others[:: max(1, len(others) // _OTHERS)])
    return Labelled(
        name,
        {
            entry["_id"]: Document(entry["text"], "text/plain", title=entry["title"] or None)
            for entry in corpus
            if entry["_id"] in wanted
        },
        [query["text"] for query in asked],
        lambda number, document, text: document in relevant[asked[number]["_id"]],
    )


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def header(kind: str, document: Document, passage: Passage) -> str:
    """What is put before a passage: its own header (title and innermost heading), title and all
    headings, the title alone, or nothing."""
    title = document.title or ""
    path = [name for name in passage.heading if name.casefold() != title.casefold()]
    whole = " › ".join(filter(None, (title, *path)))
    return {"own": passage.header, "path": whole, "title": title, "none": ""}[kind]


def first_right(
    cuts: Sequence[tuple[str, Passage]], scores: np.ndarray, labelled: Labelled
) -> Iterable[int | None]:
    """The rank of the first passage that answers each question."""
    for number, line in enumerate(scores):
        order = np.argsort(-line, kind="stable")[:200]
        places = ((cuts[place][0], cuts[place][1].text) for place in order)
        ranks = (
            rank
            for rank, (name, text) in enumerate(places, 1)
            if labelled.right(number, name, text)
        )
        yield next(ranks, None)


def measure(labelled: Labelled, vectors: Vectors, ways: Ways) -> None:
    queries = vectors.encoder.encode_queries(labelled.questions)
    for size, overlap, kinds in ways:
        cuts = [
            (name, passage)
            for name, document in labelled.documents.items()
            for passage in split_document(document, vectors.encoder, size=size, overlap=overlap)
        ]
        for kind in kinds:
            texts = [
                embedded_text(header(kind, labelled.documents[name], passage), passage.text)
                for name, passage in cuts
            ]
            scores = queries @ vectors.of(texts).T
            name = f"{labelled.name}: {size}, {overlap}, {kind}"
            row(name, len(cuts), first_right(cuts, scores, labelled))
    vectors.keep()


def main() -> None:
    vectors = Vectors(resolve_model.load())
    print("\n| set: size, overlap, header | passages | R@1 | R@3 | R@5 | R@10 | MRR@10 |")
    print("|---|---|---|---|---|---|---|")
    measure(own(), vectors, CUTS)
    for name in ("cranfield", "xquad-en"):
        if (SHARED / name).is_dir():
            measure(labelled(name), vectors, SHORT)
