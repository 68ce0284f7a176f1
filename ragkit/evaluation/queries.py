"""Files of queries: one a line, or BEIR's queries.jsonl. Knows no collection."""

from __future__ import annotations

import json
from pathlib import Path

from ragkit.errors import UsageError


def read_queries(path: str | Path) -> dict[str, str]:
    """Query id → text, in the order of the file; empty lines are passed over.

    A file called `….jsonl` holds `{"_id": …, "text": …}` in each line; in any other each line is a
    query, and its number the id. Raises UsageError with the line that cannot be read.
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
        key, text = str(number), line.strip()
        if path.suffix.lower() == ".jsonl":
            key, text = _row(f"{path}:{number}", line)
        if key in queries:
            raise UsageError(f"{path}:{number}: the _id {key!r} was there before")
        queries[key] = text
    if not queries:
        raise UsageError(f"{path} holds no query; expected one a line")
    return queries


def _row(place: str, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is not JSON: {error}") from error
    key, text = (row.get("_id"), row.get("text")) if isinstance(row, dict) else (None, None)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key or not isinstance(text, str) or not text.strip():
        raise UsageError(f'{place} is {line[:80]!r}; expected {{"_id": "…", "text": "…"}}')
    return key, text
