"""Filters as SQL: which passages a condition over their documents and files lets through.

Contract: a tree of `All`, `Either`, `Not` and `Comparison` becomes one SQL condition whose values
are all bound, never written into it. What a document lacks compares as false, so `!=`, `not in` and
`!~` are exactly the opposite of `=`, `in` and `~`. Functions over a connection of `database`. Knows
neither how filters are written nor what the names of types mean.
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

from ragkit.storage.sqlite.database import by_id
from ragkit.storage.sqlite.documents import SHOWN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEGATED = {"!=": "=", "not in": "in", "!~": "~"}


@dataclass(frozen=True, slots=True)
class Date:
    """A point in time as far as it was said: a year, a month, a day, or to the second; UTC."""

    text: str  # "2024-03", "2024-03-05", "2024-03-05T10:30"
    start: datetime.datetime
    end: datetime.datetime  # where it is over


Value = str | float | Date


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against values; several only for `in` and `not in`."""

    field: str
    operator: str  # = < <= > >= in ~, or one of NEGATED
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class All:
    """True where all of its parts are."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where any of its parts is."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    part: Filter


Filter = Comparison | All | Either | Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition over the tables of `_FROM`, and the values of its marks."""

    sql: str
    values: tuple[object, ...]


# The order of the tables is fixed: what a file or a document decides is asked once for it.
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
    "path": SHOWN,
    "root": "roots.folder",
    "title": "documents.title",
    "type": "files.media_type",
}
# Besides them `language` and `mtime`; any other name is a key of the metadata.
_METADATA = "(SELECT value FROM json_each(documents.metadata) WHERE key = ?)"


def condition(tree: Filter) -> Condition:
    """The tree as SQL."""
    if isinstance(tree, Comparison):
        return _test(tree)
    if isinstance(tree, Not):
        inner = condition(tree.part)
        return Condition(f"NOT ({inner.sql})", inner.values)
    parts = [condition(part) for part in tree.parts]
    word, empty = (" AND ", "1") if isinstance(tree, All) else (" OR ", "0")
    sql = word.join(f"({part.sql})" for part in parts) or empty
    return Condition(sql, tuple(value for part in parts for value in part.values))


def few(connection: sqlite3.Connection, where: Condition, limit: int) -> NDArray[np.int64] | None:
    """The ids of the passages let through, ascending; None where they are more than `limit`.

    SQLite writes them into one text, which takes a seventh of the time of a row for each.
    """
    import numpy as np

    _prepare(connection)
    inner = f"SELECT passages.id AS id {_FROM} WHERE {where.sql} LIMIT ?"
    found = connection.execute(
        f"SELECT count(*), group_concat(id) FROM ({inner})", (*where.values, limit + 1)
    ).fetchone()
    if found[0] > limit:
        return None
    return np.sort(np.fromstring(found[1] or "", dtype=np.int64, sep=","), kind="stable")


def among(connection: sqlite3.Connection, where: Condition, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are there and let through."""
    _prepare(connection)
    sql = f"SELECT passages.id {_BACK} WHERE ({where.sql}) AND passages.id"
    return {row[0] for row in by_id(connection, sql, ids, *where.values)}


def _test(test: Comparison) -> Condition:
    if test.operator in NEGATED:
        inner = _test(Comparison(test.field, NEGATED[test.operator], test.values))
        return Condition(f"NOT ({inner.sql})", inner.values)
    operator = "=" if test.operator == "in" else test.operator
    parts = [_compared(test.field, operator, value) for value in test.values]
    sql = " OR ".join(f"coalesce({part.sql}, 0)" for part in parts) or "0"
    return Condition(sql, tuple(value for part in parts for value in part.values))


def _compared(field: str, operator: str, value: Value) -> Condition:
    """One field against one value; may be NULL where a document lacks the field."""
    if field == "mtime" and isinstance(value, Date):
        return _in_time("files.mtime_ns", operator, value)
    if field in _NUMBERS:
        return Condition(f"{_NUMBERS[field]} {operator} ?", (value,))
    if field == "language" and operator != "~":
        return _language(str(value))
    place, key = (_TEXTS[field], ()) if field in _TEXTS else (_METADATA, (field,))
    if operator == "~":
        how = "ragkit_path" if field == "path" else "ragkit_glob"
        return Condition(f"{how}(?, {place})", (value, *key))
    if isinstance(value, Date):  # ISO dates are ordered as text, up to where the value says it
        shown = f"replace(substr({place}, 1, ?), ' ', 'T')"
        sql = f"{place} GLOB '[0-9][0-9][0-9][0-9]*' AND {shown} {operator} ?"
        return Condition(sql, (*key, *key, len(value.text), value.text))
    shown = f"ragkit_number({place})" if isinstance(value, float) else place
    return Condition(f"{shown} {operator} ?", (*key, value))


def _in_time(column: str, operator: str, value: Date) -> Condition:
    """Nanoseconds since 1970 against a span of time."""
    start, end = _nanoseconds(value.start), _nanoseconds(value.end)
    if operator == "=":
        return Condition(f"{column} >= ? AND {column} < ?", (start, end))
    edge, sign = {
        "<": (start, "<"), ">=": (start, ">="), "<=": (end, "<"), ">": (end, ">="),
    }[operator]  # fmt: skip
    return Condition(f"{column} {sign} ?", (edge,))


def _nanoseconds(time: datetime.datetime) -> int:
    return round((time - datetime.datetime(1970, 1, 1)).total_seconds()) * 1_000_000_000


def _language(value: str) -> Condition:
    """`en` is also en-GB and en_US; case does not matter."""
    shown = f"lower(replace({_METADATA}, '_', '-')) || '-'"
    wanted = value.lower().replace("_", "-") + "-"
    return Condition(f"substr({shown}, 1, ?) = ?", ("language", len(wanted), wanted))


def _prepare(connection: sqlite3.Connection) -> None:
    functions: tuple[tuple[str, int, Callable[..., float | None]], ...] = (
        ("ragkit_path", 2, path_matches),
        ("ragkit_glob", 2, _text_matches),
        ("ragkit_number", 1, _number),
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function, deterministic=True)


def _number(text: object) -> float | None:
    try:
        return float(str(text)) if text is not None else None
    except ValueError:
        return None


def _text_matches(pattern: str, text: object) -> bool | None:
    """A glob over a whole text, case aside."""
    if text is None:
        return None
    return _glob(pattern.casefold()).match(str(text).casefold()) is not None


def path_matches(pattern: str, path: str) -> bool:
    """A glob over a path, as .gitignore has them: `*` stays within a folder, `**` does not; a
    pattern without a slash is about the last part alone, `hr/` is all that is in a folder hr."""
    parts = path.split("/")
    if "/" not in pattern:
        return _glob(pattern).match(parts[-1]) is not None
    wanted = pattern.strip("/").split("/")
    if pattern.endswith("/"):
        wanted = [*([] if "/" in pattern[:-1] else ["**"]), *wanted, "**"]
    reached = {0}  # how many parts of the path the pattern may have eaten so far
    for glob in wanted:
        if glob == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            match = _glob(glob).match
            reached = {at + 1 for at in reached if at < len(parts) and match(parts[at])}
    return len(parts) in reached


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))  # made so that no pattern takes long
