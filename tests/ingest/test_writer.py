"""The writer: what one run stores, counts and removes. The rest is real except the encoder."""

import sqlite3
import time

import pytest

from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.run import make_plans
from ragkit.ingest.writer import CollectionWriter
from ragkit.storage.sqlite import passages


@pytest.fixture
def writer(collection):
    model_id, _ = collection._encoders.set_collection_model(None, rebuild=False)
    progress = []
    writer = CollectionWriter(
        collection._store,
        collection._indexes.index_writer,
        model_id,
        progress.append,
        time.monotonic(),
    )
    return writer, progress


def plans_for(collection, folder):
    options = IndexOptions.from_settings(collection.settings, [folder])
    plans, read_settings, _ = make_plans(collection._store, options, "f" * 64)
    assert isinstance(read_settings, ReadSettings)
    return options, plans, read_settings


def test_skipped_files_are_stored_without_reading_any_file(collection, folder, writer):
    (folder / ".hidden").write_text("x")
    _, plans, _ = plans_for(collection, folder)
    writer[0].apply_without_reading(plans)
    assert [(file.path, file.status, file.kind) for file in collection.files()] == [
        (".hidden", "skipped", "hidden")
    ]


def test_files_are_read_counted_and_embedded(collection, folder, writer):
    from ragkit.ingest.reading import ReadContext

    options, plans, read_settings = plans_for(collection, folder)
    run, progress = writer
    run.apply_without_reading(plans)
    load = collection._encoders.load_encoder
    embedder = run.read_and_embed(plans, ReadContext(options, read_settings, load), load)
    run.finish()
    assert run.counts["added"] == 3
    assert embedder.embedded == run.counts["read_passages"] == collection.status().passages
    assert (progress[-1].files, progress[-1].files_total, progress[-1].pending) == (3, 3, 0)
    with collection._store.reading() as connection:
        assert isinstance(connection, sqlite3.Connection)
        assert passages.is_complete(connection)
        assert not passages.has_pending(connection, run.model_id)
