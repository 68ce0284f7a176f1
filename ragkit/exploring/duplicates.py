"""Near-duplicate passages and documents of a collection, with what differs.

The stored vectors propose (`neighbor_pairs`), the words decide: a cosine alone never declares two
texts equal (`differences`). Copies of a text count once. Knows no query and no rendering.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragkit.errors import UsageError
from ragkit.exploring.differences import differences
from ragkit.exploring.neighbor_pairs import leader_groups, near_pairs
from ragkit.exploring.versions import VersionName, is_newer, version_name
from ragkit.records.exploring import DuplicateDocuments, DuplicatePassage, DuplicateReport
from ragkit.retrieval.hits import build_hits
from ragkit.retrieval.rankers import ScoredPassage
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import documents, passages

_MIN_SCORE = 0.5  # below, most passages of a collection are alike
_MAX_DOCUMENTS = 50  # a passage that more documents contain is boilerplate and joins none of them
_SIMILAR = 0.8  # share of the passages
_VERSION = 0.5
_MAX_MEMBERS = 50  # passages of a group that are returned


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateOptions:
    """What counts as a near-duplicate, and how much is returned. Raises UsageError."""

    min_score: float = 0.95  # cosine
    limit: int = 20  # groups, and pairs of documents

    def __post_init__(self) -> None:
        """Check every value."""
        if not _MIN_SCORE <= self.min_score <= 1:
            raise UsageError(
                f"min_score is {self.min_score}; expected a cosine from {_MIN_SCORE} to 1"
            )
        if self.limit < 1:
            raise UsageError(f"limit is {self.limit}; expected 1 or more groups")


def find_duplicates(
    connection: sqlite3.Connection, indexes: IndexReader, options: DuplicateOptions
) -> DuplicateReport:
    """Return the near-duplicates among the passages that have a vector, and the documents that
    share many of them."""
    index = indexes.vectors(connection)
    rows = passages.place_rows(connection)
    if index is None or not rows:
        return DuplicateReport(options.min_score, 0, 0, (), 0, ())
    copies: dict[bytes, list[passages.PlaceRow]] = defaultdict(list)
    for row in rows:
        copies[row.hash].append(row)
    by_id = {same[0].id: same for same in copies.values()}
    ids, vectors = index.vectors_of(np.fromiter(sorted(by_id), dtype=np.int64, count=len(by_id)))
    order = np.argsort(ids)
    vectors = np.ascontiguousarray(vectors[order])
    texts = [by_id[id_] for id_ in ids[order].tolist()]  # the copies of each text
    pairs, scores = near_pairs(vectors, options.min_score)
    apart = [
        not _overlap(texts[a][0], texts[b][0]) for a, b in pairs.tolist()
    ]  # passages of a document overlap
    pairs, scores = pairs[apart], scores[apart]
    groups = leader_groups(len(texts), pairs, scores)
    grouped = {position for group in groups for position, _ in group}
    groups += [[(i, 1.0)] for i, same in enumerate(texts) if len(same) > 1 and i not in grouped]
    groups.sort(key=lambda group: (-sum(len(texts[i]) for i, _ in group), group[0][0]))
    versions = {row.document_id: row for row in documents.version_rows(connection)}
    found = _document_pairs(versions, texts, pairs)
    return DuplicateReport(
        min_score=options.min_score,
        passages=len(texts),
        group_count=len(groups),
        groups=tuple(
            _with_differences(connection, groups[: options.limit], [same[0].id for same in texts])
        ),
        document_count=len(found),
        documents=tuple(
            _with_cited_paths(connection, versions, pair) for pair in found[: options.limit]
        ),
    )


def _with_cited_paths(
    connection: sqlite3.Connection,
    rows: Mapping[int, documents.VersionRow],
    pair: DuplicateDocuments,
) -> DuplicateDocuments:
    """Return the pair with paths that tell documents of several roots apart."""
    first, second = (
        documents.cited_path(connection, rows[id_].root, rows[id_].path)
        for id_ in (pair.document_id, pair.other_document_id)
    )
    return replace(pair, path=first, other_path=second)


def _overlap(first: passages.PlaceRow, second: passages.PlaceRow) -> bool:
    return (
        first.document_id == second.document_id
        and first.start < second.end
        and second.start < first.end
    )


def _with_differences(
    connection: sqlite3.Connection,
    groups: Sequence[Sequence[tuple[int, float]]],
    ids: Sequence[int],
) -> Iterable[tuple[DuplicatePassage, ...]]:
    rankings = [
        [ScoredPassage(ids[position], min(1.0, score)) for position, score in group[:_MAX_MEMBERS]]
        for group in groups
    ]
    for first, *others in filter(None, build_hits(connection, rankings)):
        yield (
            DuplicatePassage(first, None),
            *(
                DuplicatePassage(
                    hit, differences(first.text, hit.text, (first.heading, hit.heading))
                )
                for hit in others
            ),
        )


def _document_pairs(
    rows: Mapping[int, documents.VersionRow],
    texts: Sequence[Sequence[passages.PlaceRow]],
    pairs: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> list[DuplicateDocuments]:
    """The pairs of documents of which one shares most of its passages with the other."""
    of_text = [sorted({row.document_id for row in same}) for same in texts]
    own: dict[int, set[int]] = defaultdict(set)  # document → its texts
    for position, ids in enumerate(of_text):
        for id_ in ids:
            own[id_].add(position)
    # Documents with exactly the same texts are represented by the first of them.
    same_texts: dict[frozenset[int], list[int]] = defaultdict(list)
    for id_ in sorted(own):
        same_texts[frozenset(own[id_])].append(id_)
    represented = {ids[0] for ids in same_texts.values()}
    shared: dict[tuple[int, int], set[int]] = defaultdict(set)  # (a, b) → texts of a found in b
    of_text = [[id_ for id_ in ids if id_ in represented] for ids in of_text]
    itself = [(position, position) for position, ids in enumerate(of_text) if len(ids) > 1]
    for a, b in (*itself, *map(tuple, pairs.tolist())):
        if len(of_text[a]) > _MAX_DOCUMENTS or len(of_text[b]) > _MAX_DOCUMENTS:
            continue
        for first in of_text[a]:
            for second in of_text[b]:
                if first != second:
                    shared[first, second].add(a)
                    shared[second, first].add(b)
    names = {id_: version_name(row.path) for id_, row in rows.items() if id_ in own}
    found = [
        _pair(rows, names, ids[0], other, 1.0, 1.0, is_same=True)
        for ids in same_texts.values()
        for other in ids[1:]
    ]
    copies = {ids[0]: ids[:_MAX_DOCUMENTS] for ids in same_texts.values()}
    for (first, second), positions in shared.items():
        if first > second:
            continue
        shares = len(positions) / len(own[first]), len(shared[second, first]) / len(own[second])
        versions = [
            (a, b)
            for a in copies[first]
            for b in copies[second]
            if _newer(rows, names, a, b) is not None
        ]
        if max(shares) >= (_VERSION if versions else _SIMILAR):
            found += [
                _pair(rows, names, a, b, *shares, is_same=False)
                for a, b in versions or [(first, second)]
            ]
    found.sort(key=lambda pair: (-min(pair.shared, pair.other_shared), pair.path, pair.other_path))
    return found


def _newer(
    rows: Mapping[int, documents.VersionRow],
    names: Mapping[int, VersionName],
    first: int,
    second: int,
) -> bool | None:
    mtimes = rows[first].mtime_ns, rows[second].mtime_ns
    if mtimes[0] is None or mtimes[1] is None:
        return is_newer(names[first], names[second])
    return is_newer(names[first], names[second], (mtimes[0], mtimes[1]))


def _pair(
    rows: Mapping[int, documents.VersionRow],
    names: Mapping[int, VersionName],
    first: int,
    second: int,
    share: float,
    other_share: float,
    *,
    is_same: bool,
) -> DuplicateDocuments:
    newer = _newer(rows, names, first, second)
    is_dated = names[first].date != names[second].date or (
        names[first].numbers != names[second].numbers
    )
    if newer is not None and (is_dated or not is_same):
        relation = "version"
        if not newer:
            first, second, share, other_share = second, first, other_share, share
    elif is_same:
        relation = "identical"
    elif min(share, other_share) >= _SIMILAR:
        relation = "similar"
    else:
        relation = "contained"
        if share < other_share:
            first, second, share, other_share = second, first, other_share, share
    return DuplicateDocuments(
        path=rows[first].path,
        other_path=rows[second].path,
        document_id=first,
        other_document_id=second,
        shared=round(share, 4),
        other_shared=round(other_share, 4),
        relation=relation,
    )
