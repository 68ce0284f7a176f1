"""A small sharded collection without files or a reader: rows are written to working copies."""

import numpy as np
import pytest

from ragkit.maintenance.sharded_index import WorkingShard, publish_generation
from ragkit.records.documents import Document, Passage
from ragkit.settings import Settings
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.sqlite import documents, files, passages

TEXTS = {0: ["the quick fox", "a lazy dog sleeps"], 1: ["a fox and a dog", "the red house"]}


def fill(shard, encoder, texts):
    """Write one document for each text, as indexing does."""
    model_id, _ = shard.encoders.set_collection_model(None, rebuild=False)
    with shard.store.changing() as (connection, generation):
        root = files.save_root(connection, "/data", "/data", (), ())
        for text in texts:
            name = f"{text.split()[-1]}.md"
            file_id = files.record_file(
                connection, root, name, status="indexed", mtime_ns=1, media_type="text/markdown"
            )
            document_id = documents.save_document(
                connection, file_id, Document(text, "text/markdown")
            )
            passage = Passage(0, len(text), text, (), "", len(text.split()))
            passages.save_passages(connection, document_id, [passage], generation)
            pending = passages.pending_in_document(connection, model_id, document_id)
            vectors = encoder.encode_passages([each.text for each in pending])
            passages.save_vectors(
                connection, model_id, generation, [each.hash for each in pending],
                np.array(vectors),
            )  # fmt: skip
        passages.mark_complete(connection)
    shard.indexes.index_writer.update_lexical()
    shard.indexes.index_writer.update_vectors()


def make_shards(folder, encoder):
    shards = []
    for number, texts in TEXTS.items():
        shard = WorkingShard(folder / "work" / f"shard-{number:04d}", number, Settings(), encoder)
        fill(shard, encoder, texts)
        shards.append(shard)
    return shards


@pytest.fixture
def published(tmp_path, encoder):
    """The location of a published collection of two shards, its manifest and working copies."""
    shards = make_shards(tmp_path / "kit", encoder)
    location = ShardLocation(tmp_path / "kit")
    manifest = publish_generation(location, None, shards)
    yield location, manifest, shards
    for shard in shards:
        shard.close()
