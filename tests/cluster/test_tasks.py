"""Blocks of files, tables of passages, the embedding actor; writers are plain objects here."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ragkit.cluster import tasks
from ragkit.encoders.engines import cpu_threads
from ragkit.storage.sqlite.passages import Pending

pytest.importorskip("pyarrow")


def pending(number, text, start=0):
    return Pending((1, number), bytes([number] * 16), text, start, len(text.split()))


class RemoteMethod:
    def __init__(self, function):
        self.remote = function


@pytest.fixture
def ray(monkeypatch):
    """Ray without Ray: promises are values."""
    fake = SimpleNamespace(get=lambda promise: promise)
    monkeypatch.setitem(sys.modules, "ray", fake)


class Writer:
    """Remembers the vectors it was sent, by hash."""

    def __init__(self):
        self.vectors, self.calls = {}, []
        self.save_vectors = RemoteMethod(self._save)

    def _save(self, hashes, vectors, tokens, window, is_new):
        self.vectors |= dict(zip(hashes, vectors, strict=True))
        self.calls.append((len(hashes), sum(tokens), window, is_new))


def test_blocks_hold_files_of_one_shard_and_root_and_the_shards_take_turns():
    files = [[("/a", f"a{n}") for n in range(3)] + [("/b", "b0")], [("/a", "a9")], []]
    blocks = tasks.make_blocks(files, size=2)
    assert [(block.shard, block.root, block.files) for block in blocks] == [
        (0, "", ()), (1, "", ()), (2, "", ()),  # what an earlier run left, first
        (0, "/a", ("a0", "a1")), (1, "/a", ("a9",)),
        (0, "/a", ("a2",)),
        (0, "/b", ("b0",)),
    ]  # fmt: skip


def test_a_table_keeps_the_passages():
    table = tasks.to_table(7, [pending(1, "häuser und Bäume"), pending(2, "x", 1)], is_new=True)
    assert table.to_pylist()[0] == {
        "shard": 7, "hash": b"\x01" * 16, "text": "häuser und Bäume", "start": 0, "tokens": 3,
        "is_new": True,
    }  # fmt: skip
    assert tasks.to_table(0, [], is_new=False).schema == table.schema


def test_vectors_go_to_the_writer_of_their_shard_and_equal_texts_are_encoded_once(
    ray, encoder, monkeypatch
):
    import pyarrow

    monkeypatch.setattr(cpu_threads, "_max_cores", None)
    writers = [Writer(), Writer()]
    embedder = tasks.PassageEmbedder(tasks.EncoderSource(None, None, encoder), writers, cpus=1)
    assert cpu_threads.available_cores() == 1
    texts = [pending(1, "cats sleep"), pending(2, "keys rotate daily")]
    table = pyarrow.concat_tables(
        [
            tasks.to_table(0, texts, is_new=True),
            tasks.to_table(1, texts[:1], is_new=True),
            tasks.to_table(1, texts[1:], is_new=False),
        ]
    )
    assert embedder(table).to_pylist() == [{"passages": 4}]
    assert encoder.encoded == ["cats sleep", "keys rotate daily"]
    expected = encoder.encode_queries(encoder.encoded)
    for writer in writers:
        found = np.stack([writer.vectors[text.hash] for text in texts])
        np.testing.assert_array_equal(found, expected)
    assert writers[0].calls == [(2, 5, encoder.window, True)]
    assert sorted(writers[1].calls) == [
        (1, 2, encoder.window, True),
        (1, 3, encoder.window, False),
    ]


def test_what_an_earlier_run_left_is_read_in_pages(ray, monkeypatch):
    import pyarrow

    left = [pending(number, f"text {number}") for number in range(1, 6)]
    writer = SimpleNamespace(
        pending_after=RemoteMethod(
            lambda after, limit: [text for text in left if text.position > after][:limit]
        )
    )
    monkeypatch.setattr(tasks, "PASSAGES_PER_PAGE", 2)
    rows = pyarrow.table({"id": [0]})
    blocks = [tasks.FileBlock(0)]
    pages = list(tasks.read_blocks(rows, blocks, [writer], None, None, None))
    assert [page["text"].to_pylist() for page in pages] == [
        ["text 1", "text 2"], ["text 3", "text 4"], ["text 5"],
    ]  # fmt: skip
    assert not any(page["is_new"].to_pylist()[0] for page in pages)


def test_files_are_read_split_and_saved_in_groups(ray, collection, folder, encoder, monkeypatch):
    import pyarrow

    from ragkit.ingest import run
    from ragkit.ingest.options import IndexOptions

    options = IndexOptions.from_settings(collection.settings, [folder])
    plans, read_settings, _ = run.make_plans(collection._store, options, "f")
    files = tuple(task for plan in plans for task in plan.to_read)
    saved = []

    def save(root, results):
        saved.append((root, [result.task.file.path for result in results]))
        return [pending(number, f"{len(saved)}") for number in range(len(results))]

    monkeypatch.setattr(tasks, "FILES_PER_COMMIT", 2)
    writer = SimpleNamespace(save_results=RemoteMethod(save))
    source = tasks.EncoderSource(None, None, encoder)
    blocks = [tasks.FileBlock(0, str(folder), files)]
    rows = pyarrow.table({"id": [0]})
    tables = list(tasks.read_blocks(rows, blocks, [writer], options, read_settings, source))
    assert saved == [
        (str(folder), ["keys.md", "leave.txt"]),
        (str(folder), ["sub/cats.txt"]),
    ]
    assert [len(table) for table in tables] == [2, 1]
