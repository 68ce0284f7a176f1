"""Which documents are older versions of others: found after each change and stored, so that a
search only looks it up.

Two documents are versions of each other if their names say so (`versions`), and if one of them
shares at least half of its passages with the other: the same texts, or near-duplicates by their
vectors. Only documents with names that are alike are compared. Knows no query.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.exploring.versions import VersionName, is_newer, version_name
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import documents, passages
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.state import generation, set_value, value

MIN_SHARED = 0.5  # share of the passages
MIN_SCORE = 0.95  # cosine of two passages that say nearly the same
KEY = "versions"  # of the table `collection`: the generation that they were found in, and by what
_RULE = 1  # number of the way in which versions are found
_WINDOW = 8  # documents of nearly the same name that each is compared with: the next newer ones
_READ = 200  # documents whose passages are in memory at a time


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A document whose name is like that of others."""

    id: int
    name: VersionName
    mtime_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """The passages of a document."""

    hashes: frozenset[bytes]
    vectors: NDArray[np.float32]  # (n, d), unit rows, of those that have one


def update(store: Database, indexes: IndexReader, *, renamed: bool = False) -> None:
    """Find and store which documents are older versions, unless nothing has changed since the last
    time. The caller holds the writer lock. `renamed`: names have changed, but no passages."""
    with store.reading() as connection:
        now = generation(connection)
        state = f"{_RULE}:{now}"
        before = str(value(connection, KEY) or "")
        if before == state and not renamed:
            return
        rule, _, since = before.partition(":")
        is_partial = rule == str(_RULE) and since.isdecimal() and not renamed
        changed = None
        if is_partial:
            changed = sorted(passages.documents_changed_since(connection, int(since)))
        names = {
            row.document_id: version_name(row.path)
            for row in documents.version_rows(connection, changed)
        }
    with store.writing() as connection:
        keys = {id_: name.key for id_, name in names.items()}
        documents.save_version_keys(connection, keys, of_all=changed is None)
        compared = documents.ids_of_version_keys(
            connection, sorted({key for key in keys.values() if key})
        )
        pairs = [
            pair
            for group in _groups(connection, compared)
            for pair in _version_pairs(connection, indexes, group)
        ]
        documents.save_newer_versions(connection, pairs, None if changed is None else compared)
        set_value(connection, KEY, state)


def find_versions(connection: sqlite3.Connection, indexes: IndexReader) -> list[tuple[int, int]]:
    """Return (document, newer version) of all documents of a snapshot. Stores nothing."""
    ids = [
        row.document_id for row in documents.version_rows(connection) if version_name(row.path).key
    ]
    return [
        pair
        for group in _groups(connection, ids)
        for pair in _version_pairs(connection, indexes, group)
    ]


def _groups(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[list[_Candidate]]:
    """Yield those of these documents whose names differ only in a date, a number or a word such as
    "draft", the oldest first."""
    by_key: dict[str, list[_Candidate]] = defaultdict(list)
    for row in documents.version_rows(connection, ids):
        name = version_name(row.path)
        by_key[name.key].append(_Candidate(row.document_id, name, row.mtime_ns or 0))
    for group in by_key.values():
        if len(group) > 1:
            yield sorted(
                group, key=lambda each: (each.name.date, each.name.numbers, each.mtime_ns, each.id)
            )


def _version_pairs(
    connection: sqlite3.Connection, indexes: IndexReader, group: Sequence[_Candidate]
) -> Iterator[tuple[int, int]]:
    """Yield (older, newer) for the documents of a group that share enough."""
    for start in range(0, len(group), _READ):
        part = group[start : start + _READ + _WINDOW]
        texts = _read_texts(connection, indexes, [each.id for each in part])
        for position, first in enumerate(part[:_READ]):
            for second in part[position + 1 : position + 1 + _WINDOW]:
                newer = is_newer(first.name, second.name, (first.mtime_ns, second.mtime_ns))
                if newer is None or first.id not in texts or second.id not in texts:
                    continue
                is_dated = (first.name.date, first.name.numbers) != (
                    second.name.date, second.name.numbers,
                )  # fmt: skip
                one, other = texts[first.id], texts[second.id]
                if not is_dated and one.hashes == other.hashes:
                    continue  # copies
                if _shared(one, other) >= MIN_SHARED:
                    yield (first.id, second.id) if newer else (second.id, first.id)


def _read_texts(
    connection: sqlite3.Connection, indexes: IndexReader, ids: Sequence[int]
) -> dict[int, _Texts]:
    rows = passages.hashes_of_documents(connection, ids)
    index = indexes.vectors(connection)
    vector_of: dict[int, NDArray[np.float32]] = {}
    if index is not None:
        wanted = np.array(sorted(id_ for own in rows.values() for id_ in own), dtype=np.int64)
        found, vectors = index.vectors_of(wanted)
        vector_of = dict(zip(found.tolist(), vectors, strict=True))
    return {
        document_id: _Texts(
            frozenset(own.values()),
            np.array([vector_of[id_] for id_ in own if id_ in vector_of], dtype=np.float32),
        )
        for document_id, own in rows.items()
    }


def _shared(first: _Texts, second: _Texts) -> float:
    """The larger of the two shares of passages that the other document has too."""
    same = len(first.hashes & second.hashes)
    if not len(first.vectors) or not len(second.vectors):
        return same / max(1, min(len(first.hashes), len(second.hashes)))
    is_near = first.vectors @ second.vectors.T >= MIN_SCORE
    return max(
        same / len(first.hashes),
        same / len(second.hashes),
        float(is_near.any(axis=1).mean()),
        float(is_near.any(axis=0).mean()),
    )
