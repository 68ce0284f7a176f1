"""The records about a collection as a whole: duplicates, topics, a map. Frozen, without I/O."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ragkit.records.hits import Hit, hit_fields


@dataclass(frozen=True, slots=True)
class TextDifference:
    """What differs between two texts, word by word. White space is not compared."""

    # Kinds of what differs, in this order: numbers, negation, wording, heading, formatting (only
    # case and punctuation). Empty: the same text.
    changes: tuple[str, ...]
    removed_numbers: tuple[str, ...]  # as written
    added_numbers: tuple[str, ...]
    # The texts as (operation, text): "same", "removed" or "added"; joined, the parts that are not
    # "added" are the first text.
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DuplicatePassage:
    """A passage of a group of near-duplicates. `passage.also_at` has the copies of its text."""

    passage: Hit  # `score` is the cosine with the first passage of the group
    difference: TextDifference | None  # from the first passage; None for that itself


@dataclass(frozen=True, slots=True)
class DuplicateDocuments:
    """Two documents that share passages."""

    path: str
    other_path: str
    document_id: int
    other_document_id: int
    shared: float  # share of the first document's passages that have a near-duplicate in the other
    other_shared: float  # the same for the other document
    # "identical" (the same passages), "similar", "contained" (most of the first is in the other),
    # or "version" (names equal but for a date or number; the other one is newer)
    relation: str


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """Groups of near-duplicate passages, largest first, and pairs of documents that share many."""

    min_score: float  # the bound of the cosine
    passages: int  # that were compared; each text counts once
    group_count: int  # of which `groups` has the first
    groups: tuple[tuple[DuplicatePassage, ...], ...]
    document_count: int  # pairs, of which `documents` has the first
    documents: tuple[DuplicateDocuments, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A group of passages with similar vectors."""

    id: int
    name: str  # the first terms; it stays when the collection changes a little
    terms: tuple[str, ...]  # what tells it from the others, best first
    parent: str | None  # name of the group of topics that it is in
    passages: int  # copies of a text included
    cohesion: float  # mean cosine of its passages with their center
    silhouette: float | None  # mean over its passages, -1 to 1; None if it was not measured
    central: tuple[Hit, ...]  # the most central passages; `score` is the cosine with the center


@dataclass(frozen=True, slots=True)
class TopicReport:
    """The topics of a collection, largest first."""

    topics: tuple[Topic, ...]
    passages: int  # that have a topic
    silhouette: float | None  # mean; None for fewer than two topics
    updated: bool  # from the topics of before, as opposed to found anew


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A passage as a point of the plane."""

    passage_id: int
    x: float
    y: float
    document_id: int
    path: str  # of its document
    group: str  # what it is colored by: the name of its topic, its folder or its media type


@dataclass(frozen=True, slots=True)
class MapReport:
    """The different texts of a collection as points, by ascending passage id."""

    points: tuple[MapPoint, ...]
    method: str  # pca or umap
    kept: int  # points that are where an earlier map had them
    model_fingerprint: str  # of the encoder of the vectors


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A topic as it is stored: what a filter by topic can name."""

    id: int
    name: str
    terms: tuple[str, ...]
    parent: str | None  # name of the group of topics that it is in
    passages: int  # copies of a text included


@dataclass(frozen=True, slots=True)
class StoredTopics:
    """The topics that the last `Collection.topics` stored, largest first."""

    topics: tuple[StoredTopic, ...]
    passages: int  # that have a topic
    unassigned: int  # passages without: those that came since, or all


def duplicate_fields(
    report: DuplicateReport, *, with_groups: bool = True, with_root: bool = True
) -> dict[str, Any]:
    """Return a report as JSON values; without `groups` only the pairs of documents.

    `with_root=False` leaves out `root`, a folder of this machine.
    """
    fields: dict[str, Any] = {
        "min_score": report.min_score,
        "passages": report.passages,
        "document_count": report.document_count,
        "documents": [asdict(pair) for pair in report.documents],
    }
    if with_groups:
        fields["group_count"] = report.group_count
        fields["groups"] = [
            [
                {
                    "passage": hit_fields(member.passage, with_root=with_root),
                    "difference": None if member.difference is None else asdict(member.difference),
                }
                for member in group
            ]
            for group in report.groups
        ]
    return fields


def topic_fields(topic: Topic) -> dict[str, Any]:
    """Return a topic as JSON values, without its central passages."""
    return {
        "id": topic.id,
        "name": topic.name,
        "terms": topic.terms,
        "parent": topic.parent,
        "passages": topic.passages,
        "cohesion": topic.cohesion,
        "silhouette": topic.silhouette,
    }
