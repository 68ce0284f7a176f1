"""The content of a collection's database, read with plain sqlite3: what a copy must have."""

import contextlib
import sqlite3

from ragkit import Settings

SETTINGS = Settings(passage_tokens=40, overlap=0.0)  # of the fixture `collection`

TABLES = (
    "roots", "files", "documents", "passages", "models", "vectors", "unreadable_texts",
    "judgements",
)  # fmt: skip
KEYS = ("generation", "model_id", "complete", "records", "secrets")


def content(folder):
    """Return table → rows, without the caches, and the values that describe the content."""
    with contextlib.closing(sqlite3.connect(folder / "ragkit.db")) as connection:
        tables = {
            table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))
            for table in TABLES
        }
        values = dict(connection.execute("SELECT key, value FROM collection"))
        sequence = connection.execute("SELECT seq FROM sqlite_sequence").fetchall()
    return {**tables, "values": {key: values.get(key) for key in KEYS}, "sequence": sequence}


def collection_id(folder):
    with contextlib.closing(sqlite3.connect(folder / "ragkit.db")) as connection:
        return connection.execute("SELECT value FROM collection WHERE key = 'id'").fetchone()[0]


def hits(collection, query="parrots rotate the keys"):
    """Return what a search finds in each mode."""
    return {
        mode: [
            (hit.passage_id, hit.text, hit.score, hit.scores["lexical"])
            for hit in collection.search(query, mode=mode)
        ]
        for mode in ("dense", "lexical", "hybrid")
    }
