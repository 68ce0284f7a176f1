"""The topics of a collection: clusters of passage vectors with names, stored for filters.

Copies of a text count once when the topics are found, and all of them get its topic. Knows no query
and no rendering.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ragkit.analysis.stopwords import STOP_WORDS
from ragkit.errors import UsageError
from ragkit.exploring import topic_model
from ragkit.exploring.passage_vectors import PassageVectors, read_vectors
from ragkit.exploring.topic_labels import topic_name, topic_terms
from ragkit.exploring.topic_model import Clusters
from ragkit.records.exploring import Topic, TopicReport
from ragkit.retrieval.hits import build_hits
from ragkit.retrieval.rankers import ScoredPassage
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.overview import TopicRow, save_topics, topic_of_passages, topic_rows
from ragkit.storage.sqlite.state import set_value, value

_KEY = "topics"  # of the table `collection`
_MAX_CHANGED = 0.2  # share of the texts up to which topics are updated
_READ = 200  # most central passages of a topic whose words name it
_CENTRAL = 3  # that are returned
_ALL_STOP_WORDS = frozenset(word for words in STOP_WORDS.values() for word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOptions:
    """How topics are found. Raises UsageError for a value out of range."""

    count: int | None = None
    rebuild: bool = False

    def __post_init__(self) -> None:
        """Check every value."""
        if self.count is not None and self.count < 1:
            raise UsageError(f"count is {self.count}; expected 1 or more topics")


@dataclass(frozen=True, slots=True)
class FoundTopics:
    """Topics with all that is stored of them."""

    report: TopicReport
    model_id: int | None
    rows: Sequence[TopicRow]  # parents first
    topic_of: Mapping[int, int]  # passage id → topic id


def stored_number(connection: sqlite3.Connection) -> int:
    """Return how often topics were stored: another number than before means other topics."""
    return int(value(connection, _KEY) or 0)


def save(store: Database, found: FoundTopics) -> None:
    """Store the topics in place of those of before. Raises CollectionError."""
    with store.writing() as connection:
        model = passages.model(connection)
        if model is None or model["id"] != found.model_id:
            return  # the collection has another encoder since
        existing = passages.existing_ids(connection, list(found.topic_of))
        topic_of = {id_: topic for id_, topic in found.topic_of.items() if id_ in existing}
        save_topics(connection, model["id"], found.rows, topic_of)
        set_value(connection, _KEY, stored_number(connection) + 1)


def find_topics(
    connection: sqlite3.Connection, indexes: IndexReader, options: TopicOptions
) -> FoundTopics:
    """Return the topics of all passages with a vector: updated from those of before where little
    has changed, else found anew."""
    texts = read_vectors(connection, indexes)
    model = passages.model(connection)
    if texts is None or model is None or not len(texts.ids):
        return FoundTopics(TopicReport((), 0, None, updated=False), None, (), {})
    stored = topic_rows(connection, model["id"], texts.vectors.shape[1])
    parent_ids = {row.parent_id for row in stored}
    old = [row for row in stored if row.id not in parent_ids]
    topic_of = topic_of_passages(connection) if old else {}
    position = {row.id: index for index, row in enumerate(old)}
    before = np.array([position.get(topic_of.get(i, -1), -1) for i in texts.ids.tolist()])
    is_update = (
        bool(old)
        and not options.rebuild
        and options.count in (None, len(old))
        and _changed_share(before, set(topic_of), texts) <= _MAX_CHANGED
    )
    if is_update:
        clusters = topic_model.update(texts.vectors, np.stack([row.center for row in old]))
        rows = [
            row._replace(center=center) for row, center in zip(old, clusters.centers, strict=True)
        ]
        groups = [row for row in stored if row.id in parent_ids]
    else:
        clusters = topic_model.fit(texts.vectors, options.count)
        rows, groups = _name_topics(connection, texts, clusters, stored, old, before)
    is_used = np.bincount(clusters.labels, minlength=len(rows)) > 0
    used = [row for row, with_passages in zip(rows, is_used, strict=True) if with_passages]
    # A group without topics would count as a topic in the next run.
    with_topics = {row.parent_id for row in used}
    groups = [group for group in groups if group.id in with_topics]
    return FoundTopics(
        report=_report(connection, texts, clusters, rows, groups, updated=is_update),
        model_id=model["id"],
        rows=[*groups, *used],
        topic_of={
            id_: rows[label].id
            for copies, label in zip(texts.copies, clusters.labels.tolist(), strict=True)
            for id_ in copies
        },
    )


def _changed_share(before: NDArray[np.int64], with_topic: set[int], texts: PassageVectors) -> float:
    """The share of passages that came or went since the topics were stored."""
    existing = {id_ for copies in texts.copies for id_ in copies}
    removed = len(with_topic - existing)
    return (int((before < 0).sum()) + removed) / max(1, len(existing))


def _name_topics(
    connection: sqlite3.Connection,
    texts: PassageVectors,
    clusters: Clusters,
    stored: Sequence[TopicRow],
    old: Sequence[TopicRow],
    before: NDArray[np.int64],
) -> tuple[list[TopicRow], list[TopicRow]]:
    """Return the topics of new clusters, in their order, and the groups of topics. A cluster that
    is mostly an old one keeps its id, its name and its terms."""
    count = len(clusters.centers)
    kept: dict[int, int] = {}
    if old and (both := before >= 0).any():
        kept = topic_model.match(before[both], clusters.labels[both], len(old), count)
    own_texts = _central_texts(connection, texts, clusters)
    terms = topic_terms(own_texts, _ALL_STOP_WORDS)
    taken = {old[index].name for index in kept.values()}
    next_id = 1 + max((row.id for row in stored), default=0)
    rows = []
    for cluster in range(count):
        if cluster in kept:
            row = old[kept[cluster]]._replace(parent_id=None, center=clusters.centers[cluster])
        else:
            name = topic_name(terms[cluster], taken)
            row = TopicRow(next_id, None, name, terms[cluster], clusters.centers[cluster])
            next_id += 1
        taken.add(row.name)
        rows.append(row)
    labels = topic_model.group(clusters.centers)
    if labels is None:
        return rows, []
    groups = []
    members = [np.flatnonzero(labels == group).tolist() for group in range(int(labels.max()) + 1)]
    group_terms = topic_terms(
        [[text for index in own for text in own_texts[index]] for own in members], _ALL_STOP_WORDS
    )
    for own, own_terms in zip(members, group_terms, strict=True):
        if len(own) < 2:
            continue
        name = topic_name(own_terms, taken)
        taken.add(name)
        mean = clusters.centers[own].mean(axis=0)
        groups.append(TopicRow(next_id, None, name, own_terms, mean / np.linalg.norm(mean)))
        for index in own:
            rows[index] = rows[index]._replace(parent_id=next_id)
        next_id += 1
    return rows, groups


def _central(clusters: Clusters, count: int) -> list[list[int]]:
    """The positions of the `count` most central texts of each cluster, nearest first."""
    order = np.lexsort((-clusters.cosines, clusters.labels))
    bounds = np.searchsorted(clusters.labels[order], np.arange(len(clusters.centers) + 1))
    return [
        order[start : min(end, start + count)].tolist() for start, end in pairwise(bounds.tolist())
    ]


def _central_texts(
    connection: sqlite3.Connection, texts: PassageVectors, clusters: Clusters
) -> list[list[str]]:
    positions = _central(clusters, _READ)
    ids = [[int(texts.ids[index]) for index in own] for own in positions]
    known = passages.texts(connection, [id_ for own in ids for id_ in own])
    return [[known[id_] for id_ in own if id_ in known] for own in ids]


def _report(
    connection: sqlite3.Connection,
    texts: PassageVectors,
    clusters: Clusters,
    rows: Sequence[TopicRow],
    groups: Sequence[TopicRow],
    *,
    updated: bool,
) -> TopicReport:
    silhouettes, sampled = topic_model.silhouettes(texts.vectors, clusters.labels)
    rankings = [
        [
            ScoredPassage(int(texts.ids[index]), float(min(1, clusters.cosines[index])))
            for index in own
        ]
        for own in _central(clusters, _CENTRAL)
    ]
    central = build_hits(connection, rankings)
    sizes = np.bincount(
        clusters.labels, [len(copies) for copies in texts.copies], minlength=len(rows)
    )
    names = {row.id: row.name for row in groups}
    topics = []
    for index, row in enumerate(rows):
        own = clusters.labels == index
        if not own.any():
            continue
        measured = silhouettes[sampled == index]
        topics.append(
            Topic(
                id=row.id,
                name=row.name,
                terms=row.terms,
                parent=None if row.parent_id is None else names.get(row.parent_id),
                passages=int(sizes[index]),
                cohesion=round(float(clusters.cosines[own].mean()), 4),
                silhouette=round(float(measured.mean()), 4) if len(measured) else None,
                central=tuple(central[index]),
            )
        )
    topics.sort(key=lambda topic: (-topic.passages, topic.id))
    mean = round(float(silhouettes.mean()), 4) if len(silhouettes) else None
    return TopicReport(tuple(topics), int(sizes.sum()), mean, updated=updated)
