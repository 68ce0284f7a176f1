"""Vector files beside their database: whatever came, went, was folded or opened again, what is
found is what NumPy finds among the vectors that are there."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ragkit.errors import ModelError
from ragkit.storage import checksums
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import changes, embeddings
from ragkit.storage.sqlite.database import Database

DIMENSION = 8


def unit_rows(count, seed):
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Shelf:
    """A database of passages without files, and its indexes."""

    def __init__(self, folder, fingerprint="a" * 64):
        self.store = Database(folder, create=True)
        self.told = []
        self.indexes = self.opened()
        self.use(fingerprint)
        with self.store.writing() as connection:
            connection.execute("INSERT INTO roots (path, folder) VALUES ('/x', '/x')")
            connection.execute("INSERT INTO files (root_id, path, status) VALUES (1, 'x', 'empty')")
            connection.execute("INSERT INTO documents (file_id, text) VALUES (1, '')")

    def opened(self):
        return IndexReader(self.store, self.told.append, candidates=1000)

    def use(self, fingerprint):
        with self.store.writing() as connection:
            self.model = embeddings.use_model(connection, "m", fingerprint, DIMENSION, 60)

    def add(self, rows):
        """Passages with these vectors; returns their ids."""
        hashes = [os.urandom(20) for _ in rows]
        with self.store.changing() as (connection, generation):
            ids = [
                connection.execute(
                    "INSERT INTO passages (document_id, start, 'end', text, header, heading, "
                    "tokens, hash, generation) VALUES (1, 0, 0, '', '', '[]', 1, ?, ?)",
                    (digest, generation),
                ).lastrowid
                for digest in hashes
            ]
            embeddings.save_vectors(connection, self.model, generation, hashes, rows)
        return ids

    def remove(self, ids):
        with self.store.changing() as (connection, _):
            connection.executemany("DELETE FROM passages WHERE id = ?", [(each,) for each in ids])

    def found(self, indexes=None):
        with self.store.reading() as connection:
            return (indexes or self.indexes).vectors(connection)

    def file(self, kind):
        with self.store.reading() as connection:
            return changes.index_file(connection, kind)


@pytest.fixture
def small(monkeypatch):
    """Codes from 60 vectors on, however many they propose."""
    monkeypatch.setattr("ragkit.storage.vectors.quantized.EXACT_BELOW", 60)
    monkeypatch.setattr("ragkit.storage.vectors.index.MAX_CANDIDATE_SHARE", 1e9)


@pytest.fixture
def shelf(tmp_path, small):
    made = Shelf(tmp_path / "kit")
    made.rows = unit_rows(80, 1)
    made.ids = made.add(made.rows)
    made.indexes.index_writer.update_vectors()
    yield made
    made.store.close()


def test_many_vectors_get_codes_and_few_do_not(shelf, tmp_path):
    assert shelf.file("codes").name == shelf.file("vectors").name.replace(".faiss", ".codes")
    assert shelf.found().quantized is not None
    shelf.remove(shelf.ids[:40])
    shelf.indexes.index_writer.update_vectors()
    assert shelf.found().quantized is None
    assert shelf.file("codes") is None
    assert len(shelf.found()) == 40


@pytest.mark.parametrize(("came", "written"), [(3, False), (4, True)])
def test_what_every_opening_would_read_is_few(shelf, came, written, monkeypatch):
    """Of 80 vectors a tenth would be eight."""
    monkeypatch.setattr("ragkit.storage.index_writer.MAX_DELTA", 3)
    before = shelf.file("vectors").generation
    shelf.remove(shelf.ids[:4])
    shelf.add(unit_rows(came, 2))
    shelf.indexes.index_writer.update_vectors()
    assert (shelf.file("vectors").generation > before) is written
    assert len(shelf.found(shelf.opened())) == 76 + came


def changed(path, **times):
    """Other bytes under the same name, the inode and (if so wished) the times as they were."""
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    if times:
        os.utime(path, **times)


@pytest.mark.parametrize("kind", ["vectors", "codes"])
@pytest.mark.parametrize("keep_time", [False, True])
def test_a_file_changed_since_it_was_written_is_noticed(shelf, kind, keep_time):
    file = shelf.file(kind)
    path = shelf.store.folder / file.name
    before = path.stat()
    changed(path, **({"ns": (before.st_atime_ns, before.st_mtime_ns)} if keep_time else {}))
    reader = shelf.opened()
    query = shelf.rows[3]
    assert shelf.found(reader).top_k(query, 1)[0].tolist() == [shelf.ids[3]]
    assert shelf.told == [
        f"{file.name} is damaged: its checksum is not the recorded one; rebuilt from the "
        "database, nothing is embedded again"
    ]
    reader.index_writer.repair()
    assert shelf.found(shelf.opened()).quantized is not None
    assert len(shelf.told) == 1


@pytest.fixture
def whole_reads(monkeypatch):
    """Names of the files that were read from their beginning to their end for a checksum."""
    names, plain = [], checksums.file_checksum
    monkeypatch.setattr(
        checksums, "file_checksum", lambda path: names.append(path.name) or plain(path)
    )
    return names


def test_opening_reads_no_file_as_a_whole(shelf, whole_reads):
    assert len(shelf.found(shelf.opened())) == 80
    assert whole_reads == []


def test_a_copied_collection_is_read_once_and_then_known(shelf, tmp_path, whole_reads):
    shelf.store.close()
    shutil.copytree(shelf.store.folder, tmp_path / "copy")
    store = Database(tmp_path / "copy")
    for _ in range(2):
        reader = IndexReader(store, shelf.told.append)
        with store.reading() as connection:
            assert len(reader.vectors(connection)) == 80
        reader.index_writer.repair()
        assert len(whole_reads) == 2  # the vectors and the codes, the first time alone
    assert shelf.told == []
    store.close()


def test_early_collections_recorded_the_checksum_alone(shelf, whole_reads):
    bare = checksums.parse_record(shelf.file("vectors").checksum)["checksum"]
    with shelf.store.writing() as connection:
        connection.execute("UPDATE index_files SET checksum = ? WHERE kind = 'vectors'", (bare,))
    assert len(shelf.found(shelf.opened())) == 80
    assert whole_reads == [shelf.file("vectors").name]


def test_vectors_of_another_encoder_are_never_compared(shelf):
    shelf.use("b" * 64)
    assert len(shelf.found()) == 0
    ids = shelf.add(unit_rows(5, 2))
    assert sorted(shelf.found().top_k(shelf.rows[0], 99)[0].tolist()) == ids


def test_codes_of_another_faiss_are_left_alone_until_they_are_made_again(shelf, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("faiss.__version__", "99.0")
        assert shelf.found(shelf.opened()).quantized is None
        shelf.indexes.index_writer.update_vectors()
        assert shelf.found(shelf.opened()).quantized is not None
    assert shelf.told == []


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, 1.01])
def test_what_cannot_be_compared_is_not_stored(shelf, wrong):
    rows = unit_rows(3, 3)
    rows[1] *= wrong
    with pytest.raises(ModelError, match="m made 1 of 3 vectors that cannot be compared"):
        shelf.add(rows)
    assert len(shelf.found()) == 80


def test_vectors_of_another_dimension_are_not_stored(shelf):
    with pytest.raises(ModelError, match="m made vectors of 7 numbers; expected 8"):
        shelf.add(np.ones((2, 7), dtype=np.float32))


def test_a_reader_that_stays_open_goes_over_to_a_newer_file_at_once(shelf):
    reader = shelf.opened()
    assert shelf.found(reader).file_generation == 1
    more = shelf.add(unit_rows(5, 5))
    shelf.indexes.index_writer.update_vectors()
    assert shelf.found(reader).change_count == len(more)  # a tenth is not reached
    shelf.add(unit_rows(30, 6))
    shelf.indexes.index_writer.update_vectors()
    assert shelf.found(reader).change_count == 0
    assert len(shelf.found(reader).base) == 115


class Life(RuleBasedStateMachine):
    """Adds, removals, folds, readers that stay and readers that come, against a dict."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("ragkit.storage.vectors.quantized.EXACT_BELOW", 60)
        self.patch.setattr("ragkit.storage.vectors.index.MAX_CANDIDATE_SHARE", 1e9)
        self.folder = Path(tempfile.mkdtemp())
        self.shelf = Shelf(self.folder / "kit")
        self.reader = self.shelf.opened()
        self.there, self.seed = {}, 0

    @rule(count=st.sampled_from([1, 3, 30, 70]))
    def add(self, count):
        self.seed += 1
        rows = unit_rows(count, self.seed)
        self.there |= dict(zip(self.shelf.add(rows), rows, strict=True))

    @rule(share=st.sampled_from([0.01, 0.3, 1.0]), seed=st.integers(0, 99))
    def remove(self, share, seed):
        count = round(share * len(self.there))
        ids = np.random.default_rng(seed).permutation(list(self.there))[:count].tolist()
        self.shelf.remove(ids)
        for each in ids:
            del self.there[each]

    @rule()
    def fold(self):
        self.shelf.indexes.index_writer.update_vectors()
        self.shelf.indexes.index_writer.update_lexical()
        with self.shelf.store.writing() as connection:
            changes.delete_unused_rows(connection)

    @rule()
    def reopen(self):
        self.reader = self.shelf.opened()

    @invariant()
    def what_is_found_is_what_numpy_finds(self):
        index = self.shelf.found(self.reader)
        assert len(index) == len(self.there)
        ids = np.array(sorted(self.there), dtype=np.int64)
        rows = np.array([self.there[each] for each in ids.tolist()]).reshape(-1, DIMENSION)
        query = unit_rows(1, 1000 + self.seed)
        scores = rows @ query[0]
        some = ids[::3]
        for k in (1, 7, 500):
            expected = set(ids[np.argsort(-scores)[:k]].tolist())
            assert set(index.top_k(query[0], k)[0].tolist()) == expected
            assert set(index.top_k(query[0], k, exact=True)[0].tolist()) == expected
            assert set(index.top_k_batch(query, k)[0][0].tolist()) == expected
            of_some = set(some[np.argsort(-scores[::3])[:k]].tolist())
            assert set(index.top_k_of(query[0], k, some)[0].tolist()) == of_some

    def teardown(self):
        assert self.shelf.told == []
        self.shelf.store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
