"""Filters as SQL: compile a filter over documents and files, and select the passages that match.

A tree of `AllOf`, `AnyOf`, `Not` and `Comparison` becomes one SQL condition. All values are bound
parameters. A field that a document lacks compares as false, so `!=`, `not in` and `!~` are exactly
the opposite of `=`, `in` and `~`. Functions over a connection of `database`. Knows neither the
syntax of filters nor the names of media types.
"""

from __future__ import annotations

import datetime
import fnmatch
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ragkit.storage.sqlite.connection import by_id
from ragkit.storage.sqlite.documents import DISPLAY_PATH
from ragkit.storage.sqlite.metadata_values import (
    PROSE_FIELDS,
    has_element,
    has_number,
    instant,
    number,
)
from ragkit.storage.sqlite.sharding.gathering import by_ids, distinct, from_all, joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEGATED = {"!=": "=", "not in": "in", "!~": "~"}


@dataclass(frozen=True, slots=True)
class Date:
    """A year, month, day, minute or second in UTC: the time from `start` to before `end`."""

    text: str  # "2024-03", "2024-03-05", "2024-03-05T10:30"
    start: datetime.datetime
    end: datetime.datetime  # exclusive


Value = str | float | Date


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a field with values; several only for `in` and `not in`."""

    field: str
    operator: str  # = < <= > >= in ~, or one of NEGATED
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """A filter that is true if all of its parts are true."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A filter that is true if any of its parts is true."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A filter that is true if its part is false."""

    part: Filter


Filter = Comparison | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition over the tables of `_FROM`, and the values of its placeholders."""

    sql: str
    values: tuple[object, ...]

    @property
    def has_passage_fields(self) -> bool:
        """Whether it may be true for one passage of a document and false for another (`page`)."""
        return "passages." in self.sql


# CROSS JOIN fixes the order of the tables: a condition on a file or document is evaluated once.
_FROM = (
    "FROM files CROSS JOIN roots ON roots.id = files.root_id "
    "CROSS JOIN documents ON documents.file_id = files.id "
    "CROSS JOIN passages ON passages.document_id = documents.id "
)
_BACK = (
    "FROM passages CROSS JOIN documents ON documents.id = passages.document_id "
    "CROSS JOIN files ON files.id = documents.file_id CROSS JOIN roots ON roots.id = files.root_id "
)
_NUMBERS = {"page": "passages.page", "size": "files.size"}
_TEXTS = {
    "path": DISPLAY_PATH,
    "root": "roots.folder",
    "title": "documents.title",
    "type": "files.media_type",
}
_MAX_INTEGER = 2**63 - 1  # that SQLite stores
_FIELDS = (*_TEXTS, *_NUMBERS, "language", "mtime", "topic")
# Besides them `language` and `mtime`; any other name is a key of the metadata.
_METADATA = "(SELECT value FROM json_each(documents.metadata) WHERE key = ?)"


def compile_filter(tree: Filter) -> Condition:
    """Return the SQL condition of a filter."""
    if isinstance(tree, Comparison):
        return _compile_comparison(tree)
    if isinstance(tree, Not):
        inner = compile_filter(tree.part)
        return Condition(f"NOT ({inner.sql})", inner.values)
    parts = [compile_filter(part) for part in tree.parts]
    word, empty = (" AND ", "1") if isinstance(tree, AllOf) else (" OR ", "0")
    sql = word.join(f"({part.sql})" for part in parts) or empty
    return Condition(sql, tuple(value for part in parts for value in part.values))


def field_names(tree: Filter) -> list[str]:
    """Return the fields that a filter compares, each once."""
    if isinstance(tree, Comparison):
        return [tree.field]
    parts = (tree.part,) if isinstance(tree, Not) else tree.parts
    return list(dict.fromkeys(name for part in parts for name in field_names(part)))


def compared_values(tree: Filter, field: str) -> list[str]:
    """Return the values that a filter compares a field with by "=" and "in", as text, each once."""
    if isinstance(tree, Comparison):
        is_it = tree.field == field and tree.operator in ("=", "in")
        return [str(value) for value in tree.values] if is_it else []
    parts = (tree.part,) if isinstance(tree, Not) else tree.parts
    return list(dict.fromkeys(each for part in parts for each in compared_values(part, field)))


@from_all(any)
def has_field(connection: sqlite3.Connection, name: str) -> bool:
    """Whether any document has the field `name`. Those that ragkit makes always count."""
    if name in _FIELDS:
        return True
    sql = f"SELECT 1 FROM documents WHERE {_METADATA} IS NOT NULL LIMIT 1"
    return connection.execute(sql, (name,)).fetchone() is not None


def _all_fields(found: list[list[str]]) -> list[str]:
    """Return the fields that several shards know, each once: ragkit's own, then others by name."""
    names = distinct(found)
    return [*_FIELDS, *sorted(name for name in names if name not in _FIELDS)]


@from_all(_all_fields)
def known_fields(connection: sqlite3.Connection) -> list[str]:
    """Return the fields that ragkit makes, and the keys of all documents' metadata, by name."""
    sql = "SELECT DISTINCT key FROM documents, json_each(documents.metadata) ORDER BY key"
    return [*_FIELDS, *(row[0] for row in connection.execute(sql) if row[0] not in _FIELDS)]


def _joined_ids(found: list[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    """Return the ids of several shards, ascending; None if one of them has too many."""
    import numpy as np

    sets = [ids for ids in found if ids is not None]
    return np.concatenate(sets) if sets and len(sets) == len(found) else None


def small_id_set(
    connection: sqlite3.Connection, where: Condition, limit: int
) -> NDArray[np.int64] | None:
    """Return the ids of the matching passages, (n,) int64, ascending; None if more than `limit`."""
    ids = _small_id_set(connection, where, limit)
    return None if ids is None or len(ids) > limit else ids


@from_all(_joined_ids)
def _small_id_set(
    connection: sqlite3.Connection, where: Condition, limit: int
) -> NDArray[np.int64] | None:
    """Return the ids of the matching passages, (n,) int64, ascending; None if more than `limit`.

    SQLite returns them as one text, which takes a seventh of the time of one row for each.
    """
    import numpy as np

    create_functions(connection)
    inner = f"SELECT passages.id AS id {_FROM} WHERE {where.sql} LIMIT ?"
    count, ids = connection.execute(
        f"SELECT count(*), group_concat(id) FROM ({inner})", (*where.values, limit + 1)
    ).fetchone()
    if count > limit:
        return None
    return np.sort(np.fromstring(ids or "", dtype=np.int64, sep=","), kind="stable")


@by_ids(1)
def matching(connection: sqlite3.Connection, where: Condition, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that exist and match."""
    create_functions(connection)
    sql = f"SELECT passages.id {_BACK} WHERE ({where.sql}) AND passages.id"
    return {row[0] for row in by_id(connection, sql, ids, *where.values)}


@from_all(joined)
def matching_documents(
    connection: sqlite3.Connection, where: Condition, first_id: int = 0
) -> list[int]:
    """Return the ids, from `first_id`, of the documents with a matching passage, ascending."""
    create_functions(connection)
    sql = f"SELECT DISTINCT documents.id {_FROM} WHERE ({where.sql}) AND documents.id >= ?"
    return sorted(row[0] for row in connection.execute(sql, (*where.values, first_id)))


@by_ids(1)
def matching_spans(
    connection: sqlite3.Connection, where: Condition, document_id: int
) -> list[tuple[int, int]]:
    """Return the spans (characters) of the matching passages of a document."""
    create_functions(connection)
    sql = (
        f'SELECT passages.start, passages."end" {_FROM} WHERE ({where.sql}) AND documents.id = ? '
        "ORDER BY passages.start"
    )
    return [(row[0], row[1]) for row in connection.execute(sql, (*where.values, document_id))]


def _compile_comparison(test: Comparison) -> Condition:
    if test.operator in NEGATED:
        inner = _compile_comparison(Comparison(test.field, NEGATED[test.operator], test.values))
        return Condition(f"NOT ({inner.sql})", inner.values)
    operator = "=" if test.operator == "in" else test.operator
    parts = [_compare(test.field, operator, value) for value in test.values]
    sql = " OR ".join(f"coalesce({part.sql}, 0)" for part in parts) or "0"
    return Condition(sql, tuple(value for part in parts for value in part.values))


def _compare(field: str, operator: str, value: Value) -> Condition:
    """Compare one field with one value; NULL if the document lacks the field."""
    if field == "mtime" and isinstance(value, Date):
        return _compare_time("files.mtime_ns", operator, value)
    if field in _NUMBERS:
        return Condition(f"{_NUMBERS[field]} {operator} ?", (value,))
    if field == "language" and operator != "~":
        return _compare_language(str(value))
    found = _compare_stored(field, operator, value)
    return _or_in_topic(found, value) if (field, operator) == ("topic", "=") else found


def _compare_stored(field: str, operator: str, value: Value) -> Condition:
    """Compare a text of a file or document, or a field of its metadata."""
    column, key = (_TEXTS[field], ()) if field in _TEXTS else (_METADATA, (field,))
    if operator == "~":
        function = "ragkit_path" if field == "path" else "ragkit_glob"
        return Condition(f"{function}(?, {column})", (value, *key))
    if isinstance(value, Date):
        return _compare_instant(Condition(f"ragkit_instant({column})", key), operator, value)
    operand = f"ragkit_number({column})" if isinstance(value, float) else column
    sql = f"{operand} {operator} ?"
    return _compare_metadata(sql, field, operator, value) if key else Condition(sql, (value,))


def _compare_metadata(sql: str, field: str, operator: str, value: str | float) -> Condition:
    """Compare a field of the documents' metadata with a text or a number; `sql` compares them as
    they are."""
    if operator == "=" and field not in PROSE_FIELDS:  # a list has any of its elements
        sql = f"ragkit_element({_METADATA}, ?)"
    found = Condition(sql, (field, value))
    if field in PROSE_FIELDS or isinstance(value, str) or not 1000 <= value <= 9998:
        return found
    return _or_in_year(found, field, operator, int(value)) if value == int(value) else found


def _or_in_year(number: Condition, field: str, operator: str, year: int) -> Condition:
    """Compare with a number or, where the field has a date, with the year of that number:
    `date < 2024` finds 2023-12-05."""
    span = Date(str(year), datetime.datetime(year, 1, 1), datetime.datetime(year + 1, 1, 1))
    column = Condition(f"ragkit_instant({_METADATA})", (field,))
    date = _compare_instant(column, operator, span)
    # A number such as 19991231 could be read as a date, too.
    is_date = Condition(f"ragkit_number({_METADATA}) IS NULL", (field,))
    return Condition(
        f"({number.sql} OR ({is_date.sql} AND {date.sql}))",
        (*number.values, *is_date.values, *date.values),
    )


def _compare_time(column: str, operator: str, value: Date) -> Condition:
    """Compare a column of nanoseconds since 1970 with a span of time."""
    start, end = _nanoseconds(value.start), _nanoseconds(value.end)
    if operator == "=":
        return Condition(f"{column} >= ? AND {column} < ?", (start, end))
    bound, sign = {
        "<": (start, "<"), ">=": (start, ">="), "<=": (end, "<"), ">": (end, ">="),
    }[operator]  # fmt: skip
    return Condition(f"{column} {sign} ?", (bound,))


def _compare_instant(column: Condition, operator: str, value: Date) -> Condition:
    """Compare seconds since 1970 with a span of time."""
    start, end = (
        (bound - datetime.datetime(1970, 1, 1)).total_seconds()
        for bound in (value.start, value.end)
    )
    if operator == "=":
        sql = f"{column.sql} BETWEEN ? AND ?"
        return Condition(sql, (*column.values, start, end - 0.001))
    bound, sign = {
        "<": (start, "<"), ">=": (start, ">="), "<=": (end, "<"), ">": (end, ">="),
    }[operator]  # fmt: skip
    return Condition(f"{column.sql} {sign} ?", (*column.values, bound))


def _nanoseconds(time: datetime.datetime) -> int:
    """Nanoseconds since 1970, at most as many as SQLite stores: times of files end in 2262."""
    nanoseconds = round((time - datetime.datetime(1970, 1, 1)).total_seconds()) * 1_000_000_000
    return max(-_MAX_INTEGER, min(_MAX_INTEGER, nanoseconds))


def _compare_language(value: str) -> Condition:
    """Match a language: `en` matches en-GB and en_US too; case is ignored."""
    code = f"lower(replace({_METADATA}, '_', '-')) || '-'"
    prefix = value.lower().replace("_", "-") + "-"
    return Condition(f"substr({code}, 1, ?) = ?", ("language", len(prefix), prefix))


def _or_in_topic(own: Condition, value: Value) -> Condition:
    """True for passages of the topics of this name, or with this word in their name, and of the
    topics below them; and, as before there were topics, for documents with this value in their own
    metadata, which `own` finds."""
    matches = "instr(', ' || {table}.name || ',', ', ' || ? || ',')"
    name = str(value).strip().casefold()
    return Condition(
        "(passages.id IN (SELECT passage_id FROM passage_topics WHERE topic_id IN (SELECT t.id "
        "FROM topics AS t LEFT JOIN topics AS p ON p.id = t.parent_id WHERE "
        f"{matches.format(table='t')} OR coalesce({matches.format(table='p')}, 0))) "
        f"OR coalesce({own.sql}, 0))",
        (name, name, *own.values),
    )


def create_functions(connection: sqlite3.Connection) -> None:
    """Add the functions that compiled filters call to a connection."""
    functions: tuple[tuple[str, int, Callable[..., float | None]], ...] = (
        ("ragkit_path", 2, path_matches),
        ("ragkit_glob", 2, _text_matches),
        ("ragkit_number", 1, _number),
        ("ragkit_element", 2, _has_element),
        ("ragkit_instant", 1, _instant),
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function, deterministic=True)


def _number(text: object) -> float | None:
    return None if text is None else number(str(text))


def _has_element(text: object, value: object) -> bool | None:
    """Whether a text is a value, or a list with it; NULL for a missing text."""
    if text is None:
        return None
    if isinstance(value, float):
        return has_number(str(text), value)
    return has_element(str(text), str(value))


def _instant(text: object) -> float | None:
    return None if text is None else instant(str(text))


def _text_matches(pattern: str, text: object) -> bool | None:
    """Match a glob against a whole text, ignoring case."""
    if text is None:
        return None
    return _glob(pattern.casefold()).match(str(text).casefold()) is not None


def path_matches(pattern: str, path: str) -> bool:
    """Whether a glob in .gitignore syntax matches a relative path.

    `*` stays within a folder, `**` does not. A pattern without a slash is matched against the last
    part only; `hr/` matches everything in a folder hr.
    """
    parts = path.split("/")
    if "/" not in pattern:
        return _glob(pattern).match(parts[-1]) is not None
    globs = pattern.strip("/").split("/")
    if pattern.endswith("/"):
        globs = [*([] if "/" in pattern[:-1] else ["**"]), *globs, "**"]
    reached = {0}  # how many parts of the path the globs so far can have matched
    for glob in globs:
        if glob == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            match = _glob(glob).match
            reached = {at + 1 for at in reached if at < len(parts) and match(parts[at])}
    return len(parts) in reached


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(
        fnmatch.translate(pattern)
    )  # translates to a pattern that never backtracks far
