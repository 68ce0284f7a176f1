"""Collections written by earlier versions open and are searched with the same hits."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from ragkit import Collection, Settings
from ragkit.storage.sqlite import integrity
from ragkit.storage.sqlite.migrations import STEPS

STORED = Path(__file__).parent / "collections"
SCHEMAS = sorted(int(path.stem.removeprefix("schema-")) for path in STORED.glob("*.json"))


def unpack(schema: int, folder: Path) -> Path:
    with tarfile.open(STORED / f"schema-{schema}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def schema_version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "ragkit.db")) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_there_is_a_stored_collection_for_every_migration_step():
    assert list(range(1, len(STEPS) + 1)) == SCHEMAS


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_stored_collection_has_the_schema_of_its_name(schema, tmp_path):
    assert schema_version(unpack(schema, tmp_path)) == schema


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_stored_collection_is_migrated_and_searched_as_before(
    schema, tmp_path, encoder, notices, monkeypatch
):
    monkeypatch.setenv("RAGKIT_TRUST", "1")  # else it is noticed that it comes from elsewhere
    folder = unpack(schema, tmp_path)
    expected = json.loads((STORED / f"schema-{schema}.json").read_text(encoding="utf-8"))
    settings = Settings(passage_tokens=40, overlap=0.0)
    with Collection(folder, settings=settings, encoder=encoder, notify=notices.append) as stored:
        for row in expected:
            hits = stored.search(row["query"], k=3, mode=row["mode"])
            actual = [[hit.citation, pytest.approx(hit.score, abs=1e-6)] for hit in hits]
            assert row["hits"] == actual, row
        assert stored.status().passages == 5
        with stored._store.reading() as connection:
            assert integrity.check(connection) == []
            for table in ("documents", "passages", "vectors"):
                sql = f"SELECT count(*) FROM {table} WHERE length(checksum) IS NOT 8"
                assert connection.execute(sql).fetchone()[0] == 0, table
    assert schema_version(folder) == SCHEMAS[-1]
    assert encoder.encoded == []  # nothing is embedded again
    assert notices == [
        "the word index was made with an earlier version of ragkit; it is rebuilt from the "
        "database, nothing is embedded again"
    ]
