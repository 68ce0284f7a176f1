"""Tuned settings in a collection, also in one that somebody else made."""

import json

import pytest

from ragkit.models import tuned
from ragkit.storage.sqlite import state
from ragkit.storage.sqlite.database import Database


def test_tuned_settings_are_stored(collection):
    record = tuned.TunedSettings({"mode": "hybrid", "passage_tokens": 120}, {}, can_undo=True)
    with collection._store.writing() as connection:
        tuned.store(connection, record)
    assert collection._read(tuned.load) == record


@pytest.mark.parametrize(
    ("stored", "values"),
    [
        ("no JSON", {}),
        ("[]", {}),
        ("null", {}),
        ({"mode": "all", "fusion": "rrf", "model": "/tmp/evil"}, {"fusion": "rrf"}),
        ({"passage_tokens": True, "rerank": 1, "passage_header": 0}, {}),
        ({"passage_tokens": 10**9, "mode": ["dense"]}, {}),
        ({"passage_tokens": 120, "rerank": False}, {"passage_tokens": 120, "rerank": False}),
    ],
)
def test_only_valid_harmless_values_are_read(collection, stored, values):
    if isinstance(stored, dict):
        record = {"values": stored, "before": {}, "model_before": None, "can_undo": False}
        stored = json.dumps(record)
    with collection._store.writing() as connection:
        state.set_value(connection, tuned.KEY, stored)
    assert collection._read(tuned.load).values == values
    collection.search("anything")


def test_what_another_process_stores_counts_at_once(tmp_path):
    first, second = Database(tmp_path, create=True), Database(tmp_path)
    for mode in ("hybrid", "lexical"):
        with second.writing() as connection:
            tuned.store(connection, tuned.TunedSettings({"mode": mode}))
        for _ in range(2):
            with first.reading() as connection:
                assert tuned.load(connection).values == {"mode": mode}
    first.close()
    second.close()
