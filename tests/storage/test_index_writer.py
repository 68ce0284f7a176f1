"""The vector files compared with NumPy, after additions, removals, updates and reopening."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ragkit.errors import CollectionError
from ragkit.storage import checksums
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import changes, passages, state
from ragkit.storage.sqlite.database import Database

DIMENSION = 8


def unit_rows(count, seed):
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Vectors:
    """A database of passages with random vectors, and its index files."""

    def __init__(self, folder, fingerprint="a" * 64):
        self.store = Database(folder, create=True)
        self.notices = []
        self.indexes = self.open_reader()
        self.use(fingerprint)
        with self.store.writing() as connection:
            connection.execute("INSERT INTO roots (path, folder) VALUES ('/x', '/x')")
            connection.execute("INSERT INTO files (root_id, path, status) VALUES (1, 'x', 'empty')")
            connection.execute("INSERT INTO documents (file_id, text) VALUES (1, '')")

    def open_reader(self):
        return IndexReader(self.store, self.notices.append, candidates=1000)

    def use(self, fingerprint):
        with self.store.writing() as connection:
            self.model = passages.use_model(connection, "m", fingerprint, DIMENSION, 60)

    def add(self, rows):
        """Add passages with these vectors; return their ids."""
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
            passages.save_vectors(connection, self.model, generation, hashes, rows)
        return ids

    def remove(self, ids):
        with self.store.changing() as (connection, _):
            connection.executemany("DELETE FROM passages WHERE id = ?", [(id_,) for id_ in ids])

    def index(self, indexes=None):
        with self.store.reading() as connection:
            return (indexes or self.indexes).vectors(connection)

    def file(self, kind):
        with self.store.reading() as connection:
            return state.index_file(connection, kind)


@pytest.fixture
def small(monkeypatch):
    """Use compressed vectors from 60 vectors on."""
    monkeypatch.setattr("ragkit.storage.vectors.quantized.EXACT_BELOW", 60)
    monkeypatch.setattr("ragkit.storage.vectors.index.MAX_CANDIDATE_SHARE", 1e9)


@pytest.fixture
def vectors(tmp_path, small):
    vectors_ = Vectors(tmp_path / "kit")
    vectors_.rows = unit_rows(80, 1)
    vectors_.ids = vectors_.add(vectors_.rows)
    vectors_.indexes.index_writer.update_vectors()
    yield vectors_
    vectors_.store.close()


def test_many_vectors_get_codes_and_few_do_not(vectors, tmp_path):
    assert vectors.file("codes").name == vectors.file("vectors").name.replace(".faiss", ".codes")
    assert vectors.index().quantized is not None
    vectors.remove(vectors.ids[:40])
    vectors.indexes.index_writer.update_vectors()
    assert vectors.index().quantized is None
    assert vectors.file("codes") is None
    assert len(vectors.index()) == 40


@pytest.mark.parametrize(("added", "is_rewritten"), [(3, False), (4, True)])
def test_a_new_file_is_written_when_the_delta_is_too_long(
    vectors, added, is_rewritten, monkeypatch
):
    """A tenth of 80 vectors is eight."""
    monkeypatch.setattr("ragkit.storage.index_writer.MAX_DELTA", 3)
    before = vectors.file("vectors").generation
    vectors.remove(vectors.ids[:4])
    vectors.add(unit_rows(added, 2))
    vectors.indexes.index_writer.update_vectors()
    assert (vectors.file("vectors").generation > before) is is_rewritten
    assert len(vectors.index(vectors.open_reader())) == 76 + added


def changed(path, **times):
    """Change a byte of a file in place; `times` restores its times."""
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    if times:
        os.utime(path, **times)


@pytest.mark.parametrize("kind", ["vectors", "codes"])
@pytest.mark.parametrize("keep_time", [False, True])
def test_a_file_changed_since_it_was_written_is_rebuilt(vectors, kind, keep_time):
    file = vectors.file(kind)
    path = vectors.store.folder / file.name
    before = path.stat()
    changed(path, **({"ns": (before.st_atime_ns, before.st_mtime_ns)} if keep_time else {}))
    reader = vectors.open_reader()
    query = vectors.rows[3]
    assert vectors.index(reader).top_k(query, 1)[0].tolist() == [vectors.ids[3]]
    assert vectors.notices == [
        f"{file.name} is damaged: its checksum is not the recorded one; rebuilt from the "
        "database, nothing is embedded again"
    ]
    reader.index_writer.repair()
    assert vectors.index(vectors.open_reader()).quantized is not None
    assert len(vectors.notices) == 1


@pytest.fixture
def checksummed(monkeypatch):
    """Return the names of the files whose checksum was computed."""
    names, plain = [], checksums.file_checksum
    monkeypatch.setattr(
        checksums, "file_checksum", lambda path: names.append(path.name) or plain(path)
    )
    return names


def test_opening_computes_no_checksum(vectors, checksummed):
    assert len(vectors.index(vectors.open_reader())) == 80
    assert checksummed == []


def test_the_files_of_a_copied_collection_are_verified_once(vectors, tmp_path, checksummed):
    vectors.store.close()
    shutil.copytree(vectors.store.folder, tmp_path / "copy")
    store = Database(tmp_path / "copy")
    for _ in range(2):
        reader = IndexReader(store, vectors.notices.append)
        with store.reading() as connection:
            assert len(reader.vectors(connection)) == 80
        reader.index_writer.repair()
        assert len(checksummed) == 2  # the vectors and the codes, the first time alone
    assert vectors.notices == []
    store.close()


def test_a_record_without_a_stamp_is_verified_by_checksum(vectors, checksummed):
    bare = checksums.parse_record(vectors.file("vectors").checksum)["checksum"]
    with vectors.store.writing() as connection:
        connection.execute("UPDATE index_files SET checksum = ? WHERE kind = 'vectors'", (bare,))
    assert len(vectors.index(vectors.open_reader())) == 80
    assert checksummed == [vectors.file("vectors").name]


def test_vectors_of_another_encoder_are_not_searched(vectors):
    vectors.use("b" * 64)
    assert len(vectors.index()) == 0
    ids = vectors.add(unit_rows(5, 2))
    assert sorted(vectors.index().top_k(vectors.rows[0], 99)[0].tolist()) == ids


def test_codes_of_another_faiss_version_are_not_used_and_then_rebuilt(vectors, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("faiss.__version__", "99.0")
        assert vectors.index(vectors.open_reader()).quantized is None
        vectors.indexes.index_writer.update_vectors()
        assert vectors.index(vectors.open_reader()).quantized is not None
    assert vectors.notices == []


def test_an_open_reader_switches_to_a_newer_file(vectors):
    reader = vectors.open_reader()
    assert vectors.index(reader).file_generation == 1
    more = vectors.add(unit_rows(5, 5))
    vectors.indexes.index_writer.update_vectors()
    assert vectors.index(reader).change_count == len(more)  # a tenth is not reached
    vectors.add(unit_rows(30, 6))
    vectors.indexes.index_writer.update_vectors()
    assert vectors.index(reader).change_count == 0
    assert len(vectors.index(reader).base) == 115


def test_the_lexical_index_is_refreshed_unless_another_process_writes(vectors):
    writer = vectors.indexes.index_writer
    with writer_lock(vectors.store.folder, "ragkit index"):
        assert not writer.try_refresh()
    assert vectors.file("words") is None
    assert writer.try_refresh()
    assert vectors.file("words").generation == 1
    assert (vectors.store.folder / vectors.file("words").name / "meta.json").exists()


def test_an_up_to_date_lexical_index_is_not_written_again(vectors, monkeypatch):
    vectors.indexes.index_writer.update_lexical()
    monkeypatch.setattr("ragkit.storage.lexical.index.write", None)
    vectors.indexes.index_writer.update_lexical()


def test_a_full_disk_raises_collection_error_and_keeps_the_old_files(vectors, monkeypatch):
    def fail(*arguments):
        raise OSError("No space left on device")

    before = vectors.file("vectors")
    vectors.add(unit_rows(40, 2))
    monkeypatch.setattr("ragkit.storage.vectors.flat_file.write", fail)
    with pytest.raises(CollectionError, match=r"cannot write an index file in .*: No space left"):
        vectors.indexes.index_writer.update_vectors()
    assert vectors.file("vectors") == before
    assert len(vectors.index()) == 120


def test_an_index_file_of_another_model_or_a_missing_one_is_replaced(vectors):
    (vectors.store.folder / vectors.file("vectors").name).unlink()
    vectors.indexes.index_writer.update_vectors()
    assert (vectors.store.folder / vectors.file("vectors").name).exists()
    vectors.use("b" * 64)
    vectors.add(unit_rows(2, 2))
    vectors.indexes.index_writer.update_vectors()
    assert vectors.file("vectors").model_id == vectors.model
    assert vectors.file("codes") is None


def test_the_files_before_the_last_update_are_deleted(vectors):
    names = []
    for seed in (2, 3, 4):
        vectors.add(unit_rows(60, seed))
        vectors.indexes.index_writer.update_vectors()
        names.append(vectors.file("vectors").name)
    on_disk = {path.name for path in vectors.store.folder.glob("*.faiss")}
    assert on_disk == set(names[-2:])  # a reader may be opening the previous one


class VectorFiles(RuleBasedStateMachine):
    """Additions, removals, updates and old and new readers, against a dict of the live vectors."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("ragkit.storage.vectors.quantized.EXACT_BELOW", 60)
        self.patch.setattr("ragkit.storage.vectors.index.MAX_CANDIDATE_SHARE", 1e9)
        self.folder = Path(tempfile.mkdtemp())
        self.vectors = Vectors(self.folder / "kit")
        self.reader = self.vectors.open_reader()
        self.live, self.seed = {}, 0

    @rule(count=st.sampled_from([1, 3, 30, 70]))
    def add(self, count):
        self.seed += 1
        rows = unit_rows(count, self.seed)
        self.live |= dict(zip(self.vectors.add(rows), rows, strict=True))

    @rule(share=st.sampled_from([0.01, 0.3, 1.0]), seed=st.integers(0, 99))
    def remove(self, share, seed):
        count = round(share * len(self.live))
        ids = np.random.default_rng(seed).permutation(list(self.live))[:count].tolist()
        self.vectors.remove(ids)
        for id_ in ids:
            del self.live[id_]

    @rule()
    def update(self):
        self.vectors.indexes.index_writer.update_vectors()
        self.vectors.indexes.index_writer.update_lexical()
        with self.vectors.store.writing() as connection:
            changes.delete_unused_rows(connection)

    @rule()
    def reopen(self):
        self.reader = self.vectors.open_reader()

    @invariant()
    def searching_equals_numpy(self):
        index = self.vectors.index(self.reader)
        assert len(index) == len(self.live)
        ids = np.array(sorted(self.live), dtype=np.int64)
        rows = np.array([self.live[id_] for id_ in ids.tolist()]).reshape(-1, DIMENSION)
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
        assert self.vectors.notices == []
        self.vectors.store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)


TestVectorFiles = VectorFiles.TestCase
TestVectorFiles.settings = settings(max_examples=15, stateful_step_count=12)


def test_a_full_disk_is_said_in_plain_english(collection, folder, monkeypatch):
    """The text is that of tantivy 0.27 when a thread of it meets a full disk."""
    rust = (
        "An error occurred in a thread: 'IoError { io_error: Os { code: 28, kind: StorageFull, "
        'message: "No space left on device" }, filepath: "0a.store" }\''
    )

    def fail(*_):
        raise ValueError(rust)

    with monkeypatch.context() as patch:
        patch.setattr("ragkit.storage.lexical.index._add", fail)
        with pytest.raises(CollectionError) as raised:
            collection.index(folder)
    assert str(raised.value) == (
        f"cannot write an index file in {collection.folder}: No space left on device. The "
        "documents that were read are kept; remove the cause and run the same command again"
    )
    collection.index(folder)
    assert collection.search("cats", k=1, mode="lexical")[0].path == "sub/cats.txt"
