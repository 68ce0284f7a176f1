"""A collection as a whole: folders, newest files, headings, counts by kind of document, topics.

Functions over a connection of `database`. Knows neither pages nor questions.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ragkit.records.exploring import StoredTopic, StoredTopics
from ragkit.records.overview import FacetValue, FolderCount, NewFile
from ragkit.storage.sqlite import filters
from ragkit.storage.sqlite.documents import DISPLAY_PATH
from ragkit.storage.sqlite.filters import Condition
from ragkit.storage.sqlite.sharding.gathering import (
    by_ids,
    counts_by_key,
    from_all,
    from_any,
    joined,
    limited,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FACETS = ("type", "folder", "date", "tag")
_TAG_KEYS = ("tags", "tag", "keywords", "category", "categories")
_MAX_VALUES = 12  # of a facet, those with the most documents
_HEADING_FILES = 60  # newest files whose headings are looked at
_HEADINGS = 12  # of each of them
_FROM = (
    "FROM files JOIN roots ON roots.id = files.root_id "
    "JOIN documents ON documents.file_id = files.id "
)
_PASSAGES = "JOIN passages ON passages.document_id = documents.id "
_TOP_FOLDER = (
    "CASE WHEN instr(files.path, '/') THEN substr(files.path, 1, instr(files.path, '/') - 1) END"
)
_YEAR = "strftime('%Y', files.mtime_ns / 1000000000, 'unixepoch')"
_TAG_SEPARATOR = re.compile(r"[,;]")
_MAX_TAG = 60  # characters


class HeadedPassage(NamedTuple):
    """A heading with the title of its document and the beginning of its text."""

    title: str
    heading: str
    text: str


def _folder_counts(found: list[list[FolderCount]]) -> list[FolderCount]:
    """Return the sums of the counts of several shards, by path."""
    counts: dict[str, int] = {}
    for folder in chain.from_iterable(found):
        counts[folder.root] = counts.get(folder.root, 0) + folder.documents
    return [FolderCount(path, counts[path]) for path in sorted(counts)]


@from_all(_folder_counts)
def count_by_folder(connection: sqlite3.Connection) -> list[FolderCount]:
    """Return every root with the number of its documents, by path."""
    rows = connection.execute(
        "SELECT roots.path, count(documents.id) FROM roots "
        "LEFT JOIN files ON files.root_id = roots.id "
        "LEFT JOIN documents ON documents.file_id = files.id GROUP BY roots.id ORDER BY roots.path"
    )
    return [FolderCount(path, count) for path, count in rows]


@limited(0, order=lambda file: (-file.changed, -file.document_id))
def newest_files(connection: sqlite3.Connection, limit: int) -> list[NewFile]:
    """Return the files with documents that were changed last, the newest first."""
    rows = connection.execute(
        f"SELECT documents.id, {DISPLAY_PATH} AS path, documents.title, files.mtime_ns FROM "
        "(SELECT min(documents.id) AS id FROM documents JOIN files ON files.id = documents.file_id "
        "GROUP BY files.id ORDER BY files.mtime_ns DESC, files.id DESC LIMIT ?) AS first "
        "JOIN documents ON documents.id = first.id JOIN files ON files.id = documents.file_id "
        "ORDER BY files.mtime_ns DESC, files.id DESC",
        (limit,),
    )
    return [
        NewFile(id_, path, title or path.rpartition("/")[2], (mtime or 0) / 1e9)
        for id_, path, title, mtime in rows
    ]


def headed_passages(connection: sqlite3.Connection) -> list[list[HeadedPassage]]:
    """Return the first passages below headings of the newest documents, by document."""
    ids = [file.document_id for file in newest_files(connection, _HEADING_FILES)]
    found = _headed_passages(connection, ids)
    return [found[document_id] for document_id in ids]


@by_ids()
def _headed_passages(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> dict[int, list[HeadedPassage]]:
    """Return document id → its first passages below headings."""
    found = {}
    for document_id in ids:
        rows = connection.execute(
            f"SELECT documents.title, {DISPLAY_PATH} AS path, passages.heading, "
            "substr(passages.text, 1, 400) FROM passages "
            "JOIN documents ON documents.id = passages.document_id "
            "JOIN files ON files.id = documents.file_id WHERE documents.id = ? "
            "ORDER BY passages.start LIMIT ?",
            (document_id, _HEADINGS),
        )
        found[document_id] = [
            HeadedPassage(title or path.rpartition("/")[2], (json.loads(heading) or [""])[-1], text)
            for title, path, heading, text in rows
        ]
    return found


def facet_values(
    connection: sqlite3.Connection,
    conditions: Mapping[str, Condition | None],
    labels: Callable[[str], str],
) -> dict[str, list[FacetValue]]:
    """Return for each of FACETS its values, those with the most documents first.

    `conditions`: which documents count, for each facet; None counts all. `labels` names a media
    type for users.
    """
    counted: dict[str, tuple[str, Callable[[str], tuple[str, str]]]] = {
        "type": ("files.media_type", lambda value: (labels(value), f"type = {_quote(value)}")),
        "folder": (_TOP_FOLDER, lambda value: (value, f"path ~ {_quote(_literal(value) + '/**')}")),
        "date": (_YEAR, lambda value: (value, f"mtime = {value}")),
    }
    facets: dict[str, list[FacetValue]] = {}
    for name, (column, describe) in counted.items():
        facets[name] = []
        values = _count(connection, column, conditions.get(name))
        for value, count in values[: _MAX_VALUES + 1]:  # one may be NULL
            if value:
                label, where = describe(value)
                facets[name].append(FacetValue(label, count, where))
    facets["date"].sort(key=lambda value: value.label, reverse=True)
    facets["tag"] = list(_tags(connection, conditions.get("tag")))
    return facets


def _whole_counts(
    found: list[list[tuple[str | None, int]]],
) -> list[tuple[str | None, int]]:
    """Return the sums of the counts of several shards, the highest first."""
    counts: dict[str | None, int] = {}
    for value, count in chain.from_iterable(found):
        counts[value] = counts.get(value, 0) + count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] is not None, pair[0] or ""))


@from_all(_whole_counts)
def _count(
    connection: sqlite3.Connection, column: str, condition: Condition | None
) -> list[tuple[str | None, int]]:
    source, sql, values = _selection(connection, condition)
    rows = connection.execute(
        f"SELECT {column} AS value, count(DISTINCT documents.id) AS documents {source}"
        f"WHERE {sql} GROUP BY value ORDER BY documents DESC, value",
        values,
    )
    return [(value, count) for value, count in rows]


def _selection(
    connection: sqlite3.Connection, condition: Condition | None
) -> tuple[str, str, tuple[object, ...]]:
    if condition is None:
        return _FROM, "1", ()
    filters.create_functions(connection)
    needs_passages = "passages." in condition.sql
    return _FROM + (_PASSAGES if needs_passages else ""), condition.sql, condition.values


def _tags(connection: sqlite3.Connection, condition: Condition | None) -> Iterator[FacetValue]:
    counts = _tag_counts(connection, condition)
    best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_VALUES]
    for (key, tag), count in best:
        yield FacetValue(tag, count, _tag_filter(key, tag))


@from_all(counts_by_key)
def _tag_counts(
    connection: sqlite3.Connection, condition: Condition | None
) -> dict[tuple[str, str], int]:
    source, sql, values = _selection(connection, condition)
    rows = connection.execute(
        "SELECT pair.key, pair.value, count(DISTINCT documents.id) "
        f"{source}, json_each(documents.metadata) AS pair WHERE ({sql}) "
        f"AND pair.key IN ({', '.join('?' * len(_TAG_KEYS))}) GROUP BY pair.key, pair.value",
        (*values, *_TAG_KEYS),
    )
    counts: dict[tuple[str, str], int] = {}
    for key, text, count in rows:
        parts = _TAG_SEPARATOR.split(str(text).strip().strip("[]"))
        for tag in {part.strip() for part in parts}:
            if tag and len(tag) <= _MAX_TAG:
                counts[key, tag] = counts.get((key, tag), 0) + count
    return counts


def _tag_filter(key: str, tag: str) -> str:
    """The filter for documents whose list of tags, as text, has this one."""
    name = _literal(tag)
    separated = [f"{name}[,;]*", f"*[,;]{name}", f"*[,;] {name}", f"*[,;]{name}[,;]*",
                 f"*[,;] {name}[,;]*"]  # fmt: skip
    alternatives = [f"{key} = {_quote(tag)}", *(f"{key} ~ {_quote(glob)}" for glob in separated)]
    return f"({' or '.join(alternatives)})"


def _literal(text: str) -> str:
    """Return a glob that matches exactly this text."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", text)


def _quote(text: str) -> str:
    """Return a text as a quoted value of a filter."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@by_ids()
def original_row(connection: sqlite3.Connection, document_id: int) -> sqlite3.Row | None:
    """Return a document's text, pages and record, and the place, type, status and number of secrets
    of its file; None if there is no such document."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT documents.*, files.path AS file_path, files.media_type, files.size, "
        "files.mtime_ns, files.ctime_ns, files.hash AS file_hash, roots.folder AS root, "
        f"{DISPLAY_PATH} AS path, "
        "coalesce(json_extract(files.details, '$.secrets_count'), 0) AS secrets "
        f"{_FROM} WHERE documents.id = ?",
        (document_id,),
    ).fetchone()
    return row


class TopicRow(NamedTuple):
    """A topic, or a group of topics, which no passage belongs to directly."""

    id: int
    parent_id: int | None
    name: str
    terms: tuple[str, ...]
    center: NDArray[np.float32]  # (d,), unit length


@from_any
def topic_rows(connection: sqlite3.Connection, model_id: int, dimension: int) -> list[TopicRow]:
    """Return the topics found with the vectors of this model, by ascending id. Rows that ragkit
    cannot have written are left out: they are made again."""
    import numpy as np  # not for the opening screen

    sql = "SELECT id, parent_id, name, terms, center FROM topics WHERE model_id = ? ORDER BY id"
    found = []
    for id_, parent_id, name, terms, center in connection.execute(sql, (model_id,)):
        words = _terms(terms)
        if words is None or not isinstance(center, bytes) or len(center) != 4 * dimension:
            continue
        vector = np.frombuffer(center, dtype="<f4")
        if np.isfinite(vector).all():
            found.append(TopicRow(id_, parent_id, str(name), words, vector))
    ids = {row.id for row in found}
    return [row if row.parent_id in ids else row._replace(parent_id=None) for row in found]


def _terms(stored: object) -> tuple[str, ...] | None:
    """Return the terms of a JSON array; None for anything else."""
    try:
        terms = json.loads(stored) if isinstance(stored, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        return None
    return tuple(terms)


def _whole_topics(found: list[StoredTopics]) -> StoredTopics:
    """Return that no topics are stored: a sharded collection has none."""
    return StoredTopics((), 0, sum(part.unassigned for part in found))


@from_all(_whole_topics)
def stored_topics(connection: sqlite3.Connection) -> StoredTopics:
    """Return the topics with their numbers of passages, largest first. Groups are only named."""
    names = topic_names(connection)
    sql = (
        "SELECT topics.id, name, terms, parent_id, count(passage_id) AS size FROM topics "
        "JOIN passage_topics ON topic_id = topics.id GROUP BY topics.id ORDER BY size DESC, 1"
    )
    topics = tuple(
        StoredTopic(id_, str(name), _terms(terms) or (), names.get(parent), size)
        for id_, name, terms, parent, size in connection.execute(sql)
    )
    (passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    assigned = sum(topic.passages for topic in topics)
    return StoredTopics(topics, assigned, passages - assigned)


@from_all(joined)
def topic_of_passages(connection: sqlite3.Connection) -> dict[int, int]:
    """Return passage id → topic id."""
    return dict(map(tuple, connection.execute("SELECT passage_id, topic_id FROM passage_topics")))


@from_all(joined)
def topic_names(connection: sqlite3.Connection) -> dict[int, str]:
    """Return topic id → name."""
    return dict(map(tuple, connection.execute("SELECT id, name FROM topics")))


def save_topics(
    connection: sqlite3.Connection,
    model_id: int,
    topics: Sequence[TopicRow],
    topic_of: Mapping[int, int],
) -> None:
    """Store the topics and the topic of each passage, in place of all earlier ones. Parents come
    before their parts. In the caller's transaction."""
    connection.execute("DELETE FROM passage_topics")
    connection.execute("DELETE FROM topics")
    connection.executemany(
        "INSERT INTO topics (id, parent_id, model_id, name, terms, center) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                topic.id,
                topic.parent_id,
                model_id,
                topic.name,
                json.dumps(topic.terms, ensure_ascii=False),
                topic.center.astype("<f4").tobytes(),
            )
            for topic in topics
        ),
    )
    connection.executemany("INSERT INTO passage_topics VALUES (?, ?)", topic_of.items())
