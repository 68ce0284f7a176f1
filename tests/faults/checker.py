"""Compares a collection with what it must contain: plain sqlite3 and NumPy, no ragkit.

`read` takes what the database says, `problems_of_contents` finds what contradicts itself or the
vectors of `fake_encoder`, `problems_after_crash` and `problems_of_state` compare with the texts of
the source folder, `problems_of_hits` with brute force and with a fresh collection. Each returns
sentences; an empty list means that all is well.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.fake_encoder import DIMENSION, vector_of
from tests.faults.sources import Texts

TOLERANCE = 2e-6  # of a cosine: float32, summed in another order
Hits = Mapping[str, Sequence[Sequence[Any]]]  # as `operations.search` returns them


@dataclass(frozen=True, slots=True)
class Span:
    """A passage row."""

    path: str
    start: int
    text: str
    embedded: str  # header and text


@dataclass(slots=True)
class Contents:
    """What a database contains."""

    texts: Texts = field(default_factory=dict)
    passages: list[Span] = field(default_factory=list)
    vectors: dict[bytes, bytes] = field(default_factory=dict)  # hash → float32 blob
    problems: list[str] = field(default_factory=list)


def read(collection_folder: Path) -> Contents:
    """Read a copy of the database, so that recovery is not done in place of ragkit."""
    contents = Contents()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name, "ragkit.db")
        for suffix in ("", "-wal"):
            source = collection_folder / f"ragkit.db{suffix}"
            if source.exists():
                shutil.copyfile(source, f"{copy}{suffix}")
        if not copy.exists():
            return contents
        try:
            with closing(sqlite3.connect(copy)) as connection:
                _read(connection, contents)
        except sqlite3.Error as error:
            contents.problems.append(f"the database cannot be read: {error}")
    return contents


def _read(connection: sqlite3.Connection, contents: Contents) -> None:
    checks = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if checks != ["ok"]:
        contents.problems.append(f"integrity check: {checks[:3]}")
    if connection.execute("PRAGMA foreign_key_check").fetchall():
        contents.problems.append("a foreign key names no row")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'documents'").fetchone():
        return  # created, but the first transaction was not committed
    rows = connection.execute(
        "SELECT documents.id, files.path, documents.text, documents.record FROM documents "
        "JOIN files ON files.id = documents.file_id"
    ).fetchall()
    texts = {row[0]: row[2] for row in rows}
    paths = {row[0]: f"{row[1]}{'/' if row[3] else ''}{row[3]}" for row in rows}
    for path, count in Counter(paths.values()).items():
        if count > 1:
            contents.problems.append(f"{path} is there {count} times")
    contents.texts = {paths[id_]: text for id_, text in texts.items()}
    visible = {id_: np.array([c.isspace() for c in text], bool) for id_, text in texts.items()}
    for document, start, end, text, header, digest in connection.execute(
        'SELECT document_id, start, "end", text, header, hash FROM passages ORDER BY id'
    ):
        if document not in texts:
            contents.problems.append("a passage belongs to no document")
            continue
        embedded = f"{header}\n{text}" if header else text
        contents.passages.append(Span(paths[document], start, text, embedded))
        if text != texts[document][start:end]:
            contents.problems.append(f"a passage of {paths[document]} is not its text")
        if blake2b(embedded.encode(), digest_size=20).digest() != digest:
            contents.problems.append(f"a passage of {paths[document]} has a wrong hash")
        visible[document][start:end] = True
    contents.problems += [
        f"a part of {paths[id_]} is in no passage"
        for id_, seen in visible.items()
        if not seen.all()
    ]
    contents.vectors = dict(connection.execute("SELECT hash, vector FROM vectors"))


def problems_of_contents(contents: Contents, *, complete: bool) -> list[str]:
    """Check rows against each other and vectors against the encoder. `complete`: every passage
    must have a vector."""
    problems = list(contents.problems)
    for span in contents.passages:
        blob = contents.vectors.get(blake2b(span.embedded.encode(), digest_size=20).digest())
        if blob is None:
            problems += [f"a passage of {span.path} has no vector"] * complete
        elif len(blob) != 4 * DIMENSION:
            problems.append(f"a vector of {span.path} has {len(blob)} bytes")
        elif not np.allclose(np.frombuffer(blob, "<f4"), vector_of(span.embedded), atol=TOLERANCE):
            problems.append(f"a vector of {span.path} is wrong")
    return problems


def problems_of_state(contents: Contents, texts: Texts) -> list[str]:
    """Check that the collection has exactly these documents, complete."""
    problems = problems_of_contents(contents, complete=True)
    problems += [f"{path} is missing" for path in texts.keys() - contents.texts.keys()]
    problems += [f"{path} is too many" for path in contents.texts.keys() - texts.keys()]
    problems += [
        f"{path} has another text"
        for path in texts.keys() & contents.texts.keys()
        if texts[path] != contents.texts[path]
    ]
    return problems


def problems_after_crash(
    contents: Contents, before: Texts, after: Texts, acknowledged: Sequence[str] = ()
) -> list[str]:
    """Check a collection whose change from `before` to `after` was interrupted.

    `acknowledged`: what the process said before ("files 12", "done"). Every document is as before
    or as after; what both have is there; what was acknowledged is there.
    """
    if "done" in acknowledged:
        return problems_of_state(contents, after)
    problems = problems_of_contents(contents, complete=False)
    for path, text in contents.texts.items():
        if text not in (before.get(path), after.get(path)):
            problems.append(f"{path} has a text that it never had")
    kept_texts = set(contents.texts.values())
    for path, text in before.items():
        if path in after and path not in contents.texts:
            problems.append(f"{path} is lost")
        elif path not in after and text in after.values() and text not in kept_texts:
            problems.append(f"{path}, which was moved, is lost")
    counts = [int(mark.split()[1]) for mark in acknowledged if mark.startswith("files ")]
    read_already = sum(contents.texts.get(path) == text for path, text in after.items())
    if counts and not before and read_already < max(counts):
        problems.append(f"{max(counts)} files were acknowledged, {read_already} are there")
    return problems


def problems_of_hits(hits: Hits, fresh: Hits, contents: Contents) -> list[str]:
    """Compare the hits of all modes with those of a fresh collection of the same files, and dense
    hits with the products of the stored texts' vectors."""
    problems = []
    firsts: dict[str, Span] = {}  # passages with the same text are one hit
    for span in sorted(contents.passages, key=lambda span: (span.path, span.start)):
        firsts.setdefault(span.embedded, span)
    spans = [(span.path, span.start, span.text) for span in firsts.values()]
    matrix = np.array([vector_of(embedded) for embedded in firsts])
    matrix = matrix.reshape(-1, DIMENSION).astype(np.float64)
    for key in fresh:
        mode, _, query = key.partition(" ")
        actual = {(hit[0], hit[1], hit[2]): hit for hit in hits[key]}
        if len(actual) != len(hits[key]):
            problems.append(f"{key}: a passage is returned twice")
        expected = {(hit[0], hit[1], hit[2]): hit for hit in fresh[key]}
        if actual.keys() != expected.keys():
            missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
            names = sorted({path for path, *_ in missing ^ extra})[:4]
            problems.append(f"{key}: {len(missing)} hits missing, {len(extra)} extra: {names}")
            continue
        for column, name in ((3, "score"), (4, "lexical score"), (5, "fused score")):
            wrong = [
                place for place in actual
                if not _close(actual[place][column], expected[place][column])
            ]  # fmt: skip
            if wrong:
                pairs = [(actual[p][column], expected[p][column]) for p in wrong[:2]]
                problems.append(f"{key}: {len(wrong)} hits have another {name}: {pairs}")
        ranked = {"dense": 3, "lexical": 4, "hybrid": 5}[mode]
        scores = [hit[ranked] for hit in hits[key]]
        if any(a < b - TOLERANCE for a, b in pairwise(scores)):
            problems.append(f"{key}: not in the order of the scores")
        if mode == "dense":
            cosines = dict(zip(spans, matrix @ vector_of(query).astype(np.float64), strict=True))
            if actual.keys() != cosines.keys():
                problems.append(f"{key}: not all passages are returned")
            elif any(abs(actual[p][3] - cosines[p]) > TOLERANCE for p in actual):
                problems.append(f"{key}: a score is not the cosine")
    return problems


def _close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= 1e-5 * max(1.0, abs(second))


def digest(texts: Texts) -> str:
    """Return a short name of a state of the source folder."""
    return blake2b(json.dumps(sorted(texts.items())).encode(), digest_size=8).hexdigest()
