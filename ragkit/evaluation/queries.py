"""Files of queries: one per line, or BEIR's queries.jsonl. Knows no collection."""

from __future__ import annotations

import json
from pathlib import Path

from ragkit.errors import UsageError

_MAX_QUOTED = 80  # characters of an invalid line that an error shows


def read_queries(path: str | Path) -> dict[str, str]:
    """Return query id → text, in the order of the file; empty lines are skipped.

    A file named `*.jsonl` contains `{"_id": …, "text": …}` in each line; in any other, each line is
    a query and its number the id. Raises UsageError with file and line of an error.
    """
    path = Path(path).expanduser()
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not UTF-8: {error}") from error
    queries: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        query_id, text = str(number), line.strip()
        if path.suffix.lower() == ".jsonl":
            query_id, text = _parse_row(f"{path}:{number}", line)
        if query_id in queries:
            raise UsageError(f"{path}:{number}: the _id {query_id!r} occurs twice")
        queries[query_id] = text
    if not queries:
        raise UsageError(f"{path} contains no query; expected one per line")
    return queries


def _parse_row(place: str, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is not JSON: {error}") from error
    query_id, text = (row.get("_id"), row.get("text")) if isinstance(row, dict) else (None, None)
    if isinstance(query_id, int) and not isinstance(query_id, bool):
        query_id = str(query_id)
    is_valid_id = isinstance(query_id, str) and query_id
    if not is_valid_id or not isinstance(text, str) or not text.strip():
        expected = '{"_id": "…", "text": "…"}'
        raise UsageError(f"{place} is {line[:_MAX_QUOTED]!r}; expected {expected}")
    return str(query_id), text
