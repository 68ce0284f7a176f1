#!/usr/bin/env bash
# sqlite-utils 4.2.1: 'with db.conn' does not undo, and transform() drops triggers.
# Expected: db.conn is a sqlite3 connection, and 'with connection' rolls back when its body raises. And
# transform(), which renames a column, leaves what else belongs to the table.
# Seen: insert() commits by itself, so the row stays after the error; db.atomic() undoes it. transform()
# builds a new table and drops the old one with its triggers: a full-text index kept by
# triggers is no longer updated, without an error.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check sqlite-utils==4.2.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import sqlite3
from importlib.metadata import version

import sqlite_utils


def rows_after_an_error(block):
    db = sqlite_utils.Database(memory=True)
    db["notes"].insert({"id": 1, "text": "kept"}, pk="id")
    try:
        with block(db):
            db["notes"].insert({"id": 2, "text": "undone?"})
            raise RuntimeError
    except RuntimeError:
        pass
    return db["notes"].count


def found_after_a_transform():
    db = sqlite_utils.Database(memory=True)
    db["notes"].insert({"id": 1, "text": "pump", "year": 2025}, pk="id")
    db["notes"].enable_fts(["text"], create_triggers=True)
    before = len(db["notes"].triggers)
    db["notes"].transform(rename={"year": "published"})
    db["notes"].insert({"id": 2, "text": "pump", "published": 2026})
    return before, len(db["notes"].triggers), [row["id"] for row in db["notes"].search("pump")]


print("sqlite-utils", version("sqlite-utils"), "SQLite", sqlite3.sqlite_version)
connection = rows_after_an_error(lambda db: db.conn)
atomic = rows_after_an_error(lambda db: db.atomic())
print(f"rows after an error in 'with db.conn': {connection}, in 'with db.atomic()': {atomic}")
before, after, found = found_after_a_transform()
print(f"triggers before transform(): {before}, after: {after}; full-text search finds rows {found} of 1 and 2")
seen = (connection, atomic, before, after, found)
expected = (2, 1, 3, 0, [1])
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: the row stayed, and the new row is not in the full-text index.")
PYTHON
