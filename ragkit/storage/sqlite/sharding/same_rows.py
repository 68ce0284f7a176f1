"""Compare two databases of a shard by their rows."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

# What a run that changes nothing may write: it counts a generation, and notes of files on this
# machine which change is the last one that it has seen, and a digest of parts (which writes the
# JSON of `details` anew).
_WHERE = {"collection": "WHERE key NOT IN ('generation', 'complete', 'trimmed')"}
_EXPRESSIONS = {
    ("files", "ctime_ns"): "NULL",
    ("files", "details"): "json_remove(details, '$.sample')",
    ("files", "inode"): "NULL",
    ("index_files", "checksum"): "json_extract(checksum, '$.checksum')",
}


def have_same_rows(first: Path, second: Path) -> bool:
    """Whether two databases that nobody has open have the same tables and rows, but for counts of
    generations and for notes about the files of a machine. Reads both to the first difference."""
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(
                contextlib.closing(
                    sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
                )
            )
            for path in (first, second)
        ]
        try:
            return all(one == other for one, other in zip_longest(*map(_rows, opened)))
        except sqlite3.Error:  # damaged: not the same
            return False


def _rows(connection: sqlite3.Connection) -> Iterator[object]:
    tables = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall()
    yield tables
    for table, _ in tables:
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        values = (_EXPRESSIONS.get((table, column), f'"{column}"') for column in columns)
        # In the order of the table itself, whatever index the planner would prefer.
        yield from connection.execute(
            f'SELECT {", ".join(values)} FROM "{table}" NOT INDEXED {_WHERE.get(table, "")}'
        )
